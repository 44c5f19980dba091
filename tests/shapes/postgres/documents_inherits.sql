-- documents inherits its columns from another table.
-- ends: as declared

CREATE TABLE papers (id integer, title text);
CREATE TABLE documents (PRIMARY KEY (id)) INHERITS (papers);
INSERT INTO documents (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
