-- Another foreign key to a column that identifies no row.
-- finds: foreign key: there is no foreign key on doc_id
-- finds: vectors: vectors has to be rebuilt, and SQLite would refuse its rows or change them: foreign key mismatch - "vectors" referencing "models"
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE models (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    model TEXT REFERENCES models (name)
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
PRAGMA foreign_keys = OFF;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
PRAGMA foreign_keys = ON;
