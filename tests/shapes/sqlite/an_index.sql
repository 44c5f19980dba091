-- The name belongs to an index.
-- finds: vectors: vectors is an index
-- ends: refused

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE INDEX vectors ON documents (title);
