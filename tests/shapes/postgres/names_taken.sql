-- Everything that `up` would name has its name taken by somebody else's.
-- finds: primary key: there is no primary key
-- finds: auto-increment: id gets no number of itself
-- finds: index: no index leads with doc_id
-- finds: foreign key: there is no foreign key on doc_id
-- finds: page: page may be NULL
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE others (id integer, doc_id integer, CONSTRAINT vectors_pkey UNIQUE (id));
CREATE INDEX ix_vectors_doc_id ON others (doc_id);
CREATE SEQUENCE vectors_id_seq OWNED BY others.id;
CREATE TABLE vectors (
    id integer NOT NULL,
    doc_id integer NOT NULL,
    page integer,
    vector_ids text NOT NULL,
    CONSTRAINT vectors_doc_id_fkey CHECK (page > 0),
    CONSTRAINT vectors_page_not_null_check CHECK (page < 1000)
);
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
