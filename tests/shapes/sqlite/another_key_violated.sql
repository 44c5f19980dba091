-- Rows that violate another foreign key, which they do before and after.
-- finds: foreign key: there is no foreign key on doc_id
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE models (id INTEGER PRIMARY KEY);
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    model_id INTEGER REFERENCES models (id)
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
PRAGMA foreign_keys = OFF;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
UPDATE vectors SET model_id = 9;
PRAGMA foreign_keys = ON;
