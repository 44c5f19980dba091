-- The default names its sequence in a text, as in a dump of PostgreSQL 8.0. It numbers the rows all the same.
-- finds: foreign key: the foreign key vectors_doc_id_fkey has ON DELETE NO ACTION
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id),
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
ALTER TABLE vectors ALTER id SET DEFAULT nextval('vectors_id_seq'::text);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
