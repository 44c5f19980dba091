-- Plain indexes and a check of another column stay as they are with another type of the ids.
-- finds: vector_ids: vector_ids is character varying(5000)
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL CHECK (page >= 0),
    vector_ids varchar(5000) NOT NULL DEFAULT '[]'
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
CREATE INDEX plain_ids ON vectors (vector_ids COLLATE "C", page);
CREATE INDEX pages ON vectors (page) INCLUDE (vector_ids);
CREATE INDEX later_pages ON vectors (page) WHERE page > 1;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
