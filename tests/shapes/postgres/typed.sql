-- A table of a type, which alone gives it its columns.
-- finds: page: page is smallint
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TYPE page AS (id integer, doc_id integer, page smallint, vector_ids text);
CREATE TABLE vectors OF page (
    id PRIMARY KEY,
    doc_id WITH OPTIONS NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page WITH OPTIONS NOT NULL,
    vector_ids WITH OPTIONS NOT NULL
);
CREATE SEQUENCE vectors_id_seq AS integer OWNED BY vectors.id;
ALTER TABLE vectors ALTER id SET DEFAULT nextval('vectors_id_seq');
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
