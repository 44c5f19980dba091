-- A column whose declaration somebody has changed in the catalog: a rebuild would make numbers of its texts.
-- finds: foreign key: there is no foreign key on doc_id
-- finds: vectors: vectors has to be rebuilt, and SQLite would refuse its rows or change them: TEXT value in vectors.model (2 times)
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    model TEXT
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids, model) VALUES (1, 1, '["a", "b"]', '007'), (1, 2, '[]', 'v1'), (3, 1, '["c"]', '1e3');
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'model TEXT', 'model INTEGER') WHERE name = 'vectors';
