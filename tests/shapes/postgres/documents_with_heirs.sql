-- Another table inherits from documents, and the key is there.
-- ends: as declared

CREATE TABLE documents (id integer PRIMARY KEY, title text);
CREATE TABLE archived () INHERITS (documents);
INSERT INTO archived VALUES (9, 'nine');
INSERT INTO documents (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
