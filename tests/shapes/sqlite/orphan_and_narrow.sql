-- A rebuild that a row without a document would stop.
-- finds: vector_ids: vector_ids is VARCHAR(99)
-- finds: rows: 1 row references missing documents, for example row 4 (doc_id 8)
-- ends: refused, repaired with --delete-orphans

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids VARCHAR(99) NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
PRAGMA foreign_keys = OFF;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (8, 1, '[]');
