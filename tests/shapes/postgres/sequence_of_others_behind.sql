-- id draws from a sequence that it does not own, and ids were copied in.
-- finds: auto-increment: the next number of numbers is 1, the largest id 3; id does not own it
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE SEQUENCE numbers;
CREATE TABLE vectors (
    id integer PRIMARY KEY DEFAULT nextval('numbers'),
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
