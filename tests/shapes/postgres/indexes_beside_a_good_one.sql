-- Names that `up` might have given, on indexes that serve something else.
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
CREATE INDEX ix_vectors_doc_id_2 ON vectors (doc_id) WHERE page > 1;
CREATE INDEX ix_vectors_doc_id_3 ON vectors USING brin (doc_id);
ALTER TABLE vectors ADD CONSTRAINT ix_vectors_doc_id_4 EXCLUDE USING hash (id WITH =) WHERE (page > 1000);
