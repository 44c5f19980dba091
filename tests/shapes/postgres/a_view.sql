-- vectors is a view.
-- finds: vectors: vectors is a view
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE VIEW vectors AS SELECT id FROM documents;
