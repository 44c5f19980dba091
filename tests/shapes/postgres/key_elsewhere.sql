-- The key is to another table, and the rows are its rows.
-- finds: foreign key: the foreign key vectors_doc_id_fkey is (doc_id) to files(id)
-- ends: refused

CREATE TABLE files (id serial PRIMARY KEY);
INSERT INTO files SELECT FROM generate_series(1, 13);
CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (11, 1, '["a", "b"]'), (11, 2, '[]'), (13, 1, '["c"]');
