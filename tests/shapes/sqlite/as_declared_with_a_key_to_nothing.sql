-- Another foreign key refers to a table that does not exist: no INSERT works.
-- finds: vectors: SQLite refuses to write rows: no such table: main.models
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    model_id INTEGER REFERENCES models (id)
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
PRAGMA foreign_keys = OFF;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
PRAGMA foreign_keys = ON;
