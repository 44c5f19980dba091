-- A domain has the name.
-- finds: vectors: vectors is a domain
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE DOMAIN vectors AS text;
