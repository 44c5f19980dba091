-- A type has the name.
-- finds: vectors: vectors is an enum type
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TYPE vectors AS ENUM ('one');
