-- Numbers in hexadecimal: in a default, a check and a generated column.
-- finds: foreign key: there is no foreign key on doc_id
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    model INTEGER NOT NULL DEFAULT 0x10,
    doubled INTEGER AS (model & 0x0F) STORED,
    CHECK (model <= 0xFF)
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids, model) VALUES (1, 1, '["a", "b"]', 0x15), (1, 2, '[]', 0x25), (3, 1, '["c"]', 5);
