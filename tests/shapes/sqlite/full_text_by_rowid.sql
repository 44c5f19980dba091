-- A full-text index without a text of its own, which finds the rows by the number that a rebuild would change.
-- finds: primary key: there is no primary key
-- finds: auto-increment: id gets no number of itself
-- finds: foreign key: there is no foreign key on doc_id
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (id INTEGER, doc_id INTEGER NOT NULL, page INTEGER NOT NULL, vector_ids TEXT NOT NULL);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors VALUES (10, 1, 1, '["a", "b"]'), (11, 1, 2, '[]'), (12, 3, 1, '["c"]');
CREATE VIRTUAL TABLE words USING fts5(vector_ids, content = "vectors");
INSERT INTO words (words) VALUES ('rebuild');
