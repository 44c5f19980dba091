-- Rows were copied in with their ids.
-- finds: auto-increment: the next number of vectors_id_seq is 1, the largest id 40
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors VALUES (40, 1, 1, '[]');
