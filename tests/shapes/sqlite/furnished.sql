-- No CASCADE, and everything that must stay.
-- finds: foreign key: the foreign key has ON DELETE NO ACTION
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES documents (id),
    page INTEGER NOT NULL CHECK (page > 0),
    vector_ids TEXT NOT NULL,
    model TEXT COLLATE NOCASE,
    state TEXT DEFAULT 'new',
    doubled INTEGER GENERATED ALWAYS AS (page * 2) STORED,
    UNIQUE (doc_id, page, model)
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
CREATE INDEX by_model ON vectors (model) WHERE page > 1;
CREATE TABLE notes (vectors_id INTEGER);
CREATE TRIGGER noting AFTER INSERT ON vectors BEGIN INSERT INTO notes VALUES (NEW.id); END;
CREATE TRIGGER tidying AFTER DELETE ON documents BEGIN DELETE FROM notes WHERE vectors_id NOT IN (SELECT id FROM vectors); END;
CREATE VIEW pages AS SELECT doc_id, count(*) AS pages FROM vectors GROUP BY doc_id;
