-- Little more than the names: no primary key, columns that may be NULL or are narrow, no CASCADE, no index.
-- finds: page: page is smallint
-- finds: vector_ids: vector_ids is character varying(5000)
-- finds: primary key: there is no primary key
-- finds: auto-increment: id gets no number of itself
-- finds: index: no index leads with doc_id
-- finds: foreign key: the foreign key vectors_doc_id_fkey has ON DELETE NO ACTION
-- finds: doc_id: doc_id may be NULL
-- finds: page: page may be NULL
-- finds: vector_ids: vector_ids may be NULL
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id integer,
    doc_id integer REFERENCES documents (id),
    page smallint,
    vector_ids varchar(5000)
);
INSERT INTO vectors VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (7, 3, 1, '["c"]');
