-- Another action, under a name and with a timing of its own.
-- finds: foreign key: the foreign key mine has ON DELETE SET NULL
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL CONSTRAINT mine REFERENCES documents (id) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
