-- id draws from another table's own sequence, which ends at 32,767.
-- finds: auto-increment: others_n_seq gives smallint numbers; others.n draws from it too
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE others (n smallserial);
CREATE TABLE vectors (
    id integer PRIMARY KEY DEFAULT nextval('others_n_seq'),
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
