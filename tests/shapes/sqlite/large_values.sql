-- Numbers and values that the entities cannot read.
-- finds: id: id holds what the entities cannot read, in 1 row
-- finds: page: page holds what the entities cannot read, in 1 row
-- finds: vector_ids: vector_ids holds what the entities cannot read, in 1 row
-- finds: auto-increment: the next number of vectors.id is 3000000001, the largest id 3000000000; id ends at 2147483647
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors VALUES (3000000000, 1, 'iv', x'0102');
