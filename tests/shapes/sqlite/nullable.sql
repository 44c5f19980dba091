-- All columns may be NULL, none is.
-- finds: doc_id: doc_id may be NULL
-- finds: page: page may be NULL
-- finds: vector_ids: vector_ids may be NULL
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NULL DEFAULT 1,
    vector_ids TEXT
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
