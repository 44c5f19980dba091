-- The last numbers given are of rows that are gone.
-- finds: foreign key: the foreign key has ON DELETE NO ACTION
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES documents (id),
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (90, 1, 9, '[]');
DELETE FROM vectors WHERE id = 90;
