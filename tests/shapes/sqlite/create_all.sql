-- As SQLAlchemy's create_all makes it: no CASCADE, an index on id.
-- finds: foreign key: the foreign key has ON DELETE NO ACTION
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER NOT NULL,
    doc_id INTEGER NOT NULL,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(doc_id) REFERENCES documents (id)
);
CREATE INDEX ix_vectors_id ON vectors (id);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
