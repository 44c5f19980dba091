-- A table that SQLite gives no numbers.
-- finds: auto-increment: id gets no number of itself
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors VALUES (1, 1, 1, '[]'), (7, 1, 2, '["a"]');
