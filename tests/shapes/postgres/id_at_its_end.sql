-- A row has the largest id that the column can hold. After it, the sequence would give none.
-- finds: auto-increment: the next number of vectors_id_seq is 3, the largest id 2147483647
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]');
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (2147483647, 3, 1, '["c"]');
