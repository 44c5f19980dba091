-- Another foreign key to a table that does not exist: SQLite takes no row, also none without a value there.
-- finds: foreign key: there is no foreign key on doc_id
-- finds: vectors: vectors has to be rebuilt, and SQLite would refuse its rows or change them: there is no table models, to which a foreign key refers
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
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
PRAGMA foreign_keys = ON;
