-- A predicate on the ids, which PostgreSQL evaluates again with another type.
-- finds: vector_ids: vector_ids is character varying(5000)
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids varchar(5000) NOT NULL DEFAULT '[]'
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
CREATE INDEX first_pages ON vectors (page) WHERE vector_ids IS NOT NULL;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
