-- A primary key that is no rowid: its rows get no number.
-- finds: auto-increment: id gets no number of itself; 1 row has no id and will get the next numbers
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY DESC,
    doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors VALUES (1, 1, 1, '[]'), (NULL, 1, 2, '["a"]');
