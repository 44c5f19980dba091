-- Two rows have one id.
-- finds: primary key: there is no primary key; 1 id occurs more than once
-- finds: auto-increment: id gets no number of itself; 1 id occurs more than once
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id integer NOT NULL,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors VALUES (1, 1, 1, '[]'), (1, 1, 2, '["a"]');
