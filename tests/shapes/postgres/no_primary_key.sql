-- id is only a number that may be missing.
-- finds: primary key: there is no primary key
-- finds: auto-increment: id gets no number of itself
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id integer,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors VALUES (1, 1, 1, '[]'), (7, 1, 2, '["a"]');
