-- A trigger and a generated column read the column that would change its type.
-- finds: page: page is smallint
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page smallint NOT NULL,
    vector_ids text NOT NULL,
    doubled integer GENERATED ALWAYS AS (page * 2) STORED
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER noting AFTER UPDATE OF page ON vectors FOR EACH ROW EXECUTE FUNCTION noted();
