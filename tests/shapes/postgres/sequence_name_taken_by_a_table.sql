-- A table has the name of the sequence that id would get.
-- finds: auto-increment: id gets no number of itself
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors_id_seq (a integer);
CREATE TABLE vectors (
    id integer PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
