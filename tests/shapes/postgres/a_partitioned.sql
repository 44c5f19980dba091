-- vectors is a partitioned table.
-- finds: vectors: vectors is a partitioned table
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (id integer, doc_id integer, page integer, vector_ids text) PARTITION BY LIST (doc_id);
