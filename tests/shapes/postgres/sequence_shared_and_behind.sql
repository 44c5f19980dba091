-- Another table's 64-bit column draws from the sequence that id owns, and ids were copied in.
-- finds: auto-increment: the next number of vectors_id_seq is 5, the largest id 40; others.n draws from it too
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
ALTER SEQUENCE vectors_id_seq AS bigint;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
CREATE TABLE others (n bigint NOT NULL DEFAULT nextval('vectors_id_seq'));
INSERT INTO others DEFAULT VALUES;
UPDATE vectors SET id = 40 WHERE page = 2;
