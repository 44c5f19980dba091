-- The key is to another table, and the rows are its rows.
-- finds: foreign key: the foreign key is (doc_id) to files(id)
-- ends: refused

CREATE TABLE files (id INTEGER PRIMARY KEY);
INSERT INTO files VALUES (11), (12), (13);
CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (11, 1, '["a", "b"]'), (11, 2, '[]'), (13, 1, '["c"]');
