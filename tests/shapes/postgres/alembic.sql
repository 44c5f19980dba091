-- As the Python application's migrations leave it where no older table was there first.
-- ends: as declared

CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('20250524_vectors');
CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id SERIAL PRIMARY KEY,
    doc_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    vector_ids TEXT NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
