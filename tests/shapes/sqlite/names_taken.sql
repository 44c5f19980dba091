-- The names of the index and of the table while it is rebuilt are taken by somebody else's.
-- finds: foreign key: there is no foreign key on doc_id
-- finds: index: no index leads with doc_id
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors_rebuilt (doc_id INTEGER);
CREATE INDEX ix_vectors_doc_id ON vectors_rebuilt (doc_id);
CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER NOT NULL, page INTEGER NOT NULL, vector_ids TEXT NOT NULL);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
