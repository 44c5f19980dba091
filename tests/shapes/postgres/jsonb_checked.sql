-- A check and an index that understand only jsonb.
-- finds: vector_ids: vector_ids is jsonb
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids jsonb NOT NULL CHECK (jsonb_typeof(vector_ids) = 'array')
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
CREATE INDEX by_id ON vectors USING gin (vector_ids);
