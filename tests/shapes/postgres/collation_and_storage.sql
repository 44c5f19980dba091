-- A narrow column with a collation and a storage of its own; a comment on the key.
-- finds: vector_ids: vector_ids is character varying
-- finds: foreign key: the foreign key mine has ON DELETE NO ACTION
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL CONSTRAINT mine REFERENCES documents (id),
    page integer NOT NULL,
    vector_ids varchar COLLATE "C" NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
ALTER TABLE vectors ALTER vector_ids SET STORAGE EXTERNAL, ALTER vector_ids SET COMPRESSION pglz;
COMMENT ON CONSTRAINT mine ON vectors IS 'it''s ours';
