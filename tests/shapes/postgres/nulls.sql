-- A page has no number.
-- finds: page: page may be NULL, and is in 1 row
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (2, NULL, '[]');
