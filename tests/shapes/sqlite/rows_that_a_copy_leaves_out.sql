-- Rows that a conflict clause of the table would leave out of a copy without a word.
-- finds: foreign key: there is no foreign key on doc_id
-- finds: index: sqlite_autoindex_vectors_1 allows one row for each (model)
-- finds: vectors: vectors has to be rebuilt, and SQLite would refuse its rows or change them: NULL value in vectors.model
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    model TEXT,
    UNIQUE (model) ON CONFLICT IGNORE
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids, model) VALUES (1, 1, '["a", "b"]', 'v1'), (1, 2, '[]', NULL), (3, 1, '["c"]', 'v3');
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'model TEXT', 'model TEXT NOT NULL ON CONFLICT IGNORE DEFAULT ''v0''') WHERE name = 'vectors';
