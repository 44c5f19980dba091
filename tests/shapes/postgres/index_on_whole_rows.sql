-- An index on whole rows, read by a function in SQL that is inlined with the type that a column had.
-- finds: page: page is smallint
-- finds: vector_ids: vector_ids is character varying(500)
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents ON DELETE CASCADE,
    page smallint NOT NULL,
    vector_ids varchar(500) NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
CREATE FUNCTION whole(vectors) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.page::integer';
CREATE INDEX by_whole ON vectors (whole(vectors));
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
