-- A smallserial that was widened without its sequence, whose last number has been given.
-- finds: auto-increment: vectors_id_seq gives smallint numbers
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id smallserial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
ALTER TABLE vectors ALTER COLUMN id TYPE integer;
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (32767, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
SELECT setval('vectors_id_seq', 32767);
