-- A key whose parent is quoted in SQLite's other ways, and comments in the statement.
-- finds: foreign key: the foreign key has ON DELETE NO ACTION
-- finds: foreign key: the foreign key has ON DELETE NO ACTION
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES `documents`(id) /* kept 1 */,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    FOREIGN KEY ([doc_id]) REFERENCES [documents] (id) /* kept 2 */
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
