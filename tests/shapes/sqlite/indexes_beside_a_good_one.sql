-- Names that `up` might have given, on indexes that serve something else.
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    model TEXT
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
CREATE INDEX ix_vectors_doc_id_2 ON vectors (doc_id) WHERE page > 1;
CREATE UNIQUE INDEX ix_vectors_doc_id_3 ON vectors (model, doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
