-- The ids are checked and indexed by what is made of them: PostgreSQL reads them again with another type.
-- finds: vector_ids: vector_ids is character varying(5000)
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids varchar(5000) NOT NULL DEFAULT '[]' CHECK (num_nulls(vector_ids) = 0)
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
CREATE INDEX missing_ids ON vectors (num_nulls(vector_ids));
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
