-- As SQLAlchemy's create_all made it in production: no CASCADE, an index on id, the application's tables around it.
-- finds: foreign key: the foreign key vectors_doc_id_fkey has ON DELETE NO ACTION
-- ends: as declared

CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, disabled boolean NOT NULL DEFAULT false);
CREATE TABLE chats (id serial PRIMARY KEY, user_id integer REFERENCES users (id));
CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial NOT NULL,
    doc_id integer NOT NULL,
    page integer NOT NULL,
    vector_ids text NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY (doc_id) REFERENCES documents (id)
);
CREATE INDEX ix_vectors_id ON vectors (id);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
