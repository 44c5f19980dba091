-- A rule of the table itself reads the column that would change its type, and one of another table too.
-- finds: page: page is smallint
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page smallint NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
CREATE TABLE log (page integer);
CREATE RULE noting AS ON INSERT TO vectors DO ALSO INSERT INTO log VALUES (new.page);
CREATE RULE counting AS ON INSERT TO log DO ALSO UPDATE vectors SET page = 1 WHERE page = new.page;
