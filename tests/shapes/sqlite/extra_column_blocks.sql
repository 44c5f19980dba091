-- A column of somebody else's makes every INSERT fail.
-- finds: vectors: model is NOT NULL and has no default, so that every INSERT fails
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    model TEXT NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids, model) VALUES (1, 1, '[]', 'v1');
