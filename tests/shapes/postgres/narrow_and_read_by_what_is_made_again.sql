-- What PostgreSQL makes again with another type.
-- finds: page: page is smallint
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page smallint NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
ALTER TABLE vectors ADD CONSTRAINT counted CHECK (page > 0);
CREATE INDEX doubled ON vectors ((page * 2)) WHERE page > 1;
CREATE STATISTICS both_pages ON (page + 1), doc_id FROM vectors;
COMMENT ON STATISTICS both_pages IS 'kept';
