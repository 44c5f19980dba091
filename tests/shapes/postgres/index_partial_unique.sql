-- The index of the name is somebody's partial unique one, which also limits what a document may have.
-- finds: index: ix_vectors_doc_id allows one row for each (doc_id)
-- finds: index: no index leads with doc_id
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE UNIQUE INDEX ix_vectors_doc_id ON vectors (doc_id) WHERE page = 0;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
