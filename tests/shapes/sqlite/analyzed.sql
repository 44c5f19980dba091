-- What ANALYZE found, or somebody has set in its place, is there after a rebuild.
-- finds: foreign key: there is no foreign key on doc_id
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER NOT NULL, page INTEGER NOT NULL, vector_ids TEXT NOT NULL);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
ANALYZE;
UPDATE sqlite_stat1 SET stat = '1000 10' WHERE idx = 'ix_vectors_doc_id';
