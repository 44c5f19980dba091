-- The index of the name is somebody's partial unique one, which also limits what a document may have.
-- finds: index: ix_vectors_doc_id allows one row for each (doc_id)
-- finds: index: no index leads with doc_id
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    model TEXT
);
CREATE UNIQUE INDEX ix_vectors_doc_id ON vectors (doc_id) WHERE page = 0;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
