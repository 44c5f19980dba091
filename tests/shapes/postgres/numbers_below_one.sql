-- A sequence that gives numbers below 1, of which some are taken.
-- finds: auto-increment: the next number of vectors_id_seq is -5, the largest id 0
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
ALTER SEQUENCE vectors_id_seq MINVALUE -9 RESTART -5;
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (-5, 1, 1, '["a", "b"]'), (0, 3, 1, '["c"]');
