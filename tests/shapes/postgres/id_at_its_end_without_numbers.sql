-- A row has the largest id that the column can hold, and nothing numbers the rows: a new sequence would give none.
-- finds: auto-increment: id gets no number of itself
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id integer PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (id, doc_id, page, vector_ids)
VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (2147483647, 3, 1, '["c"]');
