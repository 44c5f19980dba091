-- An index whose build did not finish, with a comment and parameters of its own, and what a REINDEX has left that was
-- cut off.
-- finds: index: ix_vectors_doc_id is invalid: its build did not finish
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
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
ALTER INDEX ix_vectors_doc_id SET (fillfactor = 60);
COMMENT ON INDEX ix_vectors_doc_id IS 'kept';
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_vectors_doc_id'::regclass;
CREATE INDEX ix_vectors_doc_id_ccnew ON vectors (doc_id);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_vectors_doc_id_ccnew'::regclass;
