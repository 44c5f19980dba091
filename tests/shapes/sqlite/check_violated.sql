-- Rows that a check of their table would refuse today.
-- finds: foreign key: there is no foreign key on doc_id
-- finds: vectors: vectors has to be rebuilt, and SQLite would refuse its rows or change them: CHECK constraint failed in vectors (2 times)
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    CHECK (page > 1)
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
PRAGMA ignore_check_constraints = ON;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
PRAGMA ignore_check_constraints = OFF;
