-- A narrow page that may be NULL, no CASCADE, no index.
-- finds: page: page is smallint
-- finds: index: no index leads with doc_id
-- finds: foreign key: the foreign key vectors_doc_id_fkey has ON DELETE NO ACTION
-- finds: page: page may be NULL
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id),
    page smallint,
    vector_ids text NOT NULL
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
