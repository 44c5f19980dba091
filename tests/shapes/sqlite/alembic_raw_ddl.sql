-- Alembic's DDL for PostgreSQL, run on SQLite: a column of type SERIAL, which gives no numbers.
-- finds: auto-increment: id gets no number of itself; 3 rows have no id and will get the next numbers
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id SERIAL PRIMARY KEY,
    doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (NULL, 1, 1, '["a"]'), (NULL, 1, 2, '[]'), (2, 3, 1, '["b"]'), (NULL, 3, 2, '["c"]');
