-- Another program has registered a function and indexed the rows by it. This connection does not have the function.
-- finds: foreign key: the foreign key has ON DELETE NO ACTION
-- finds: vectors: vectors has to be rebuilt, and SQLite would refuse its rows or change them: unknown function: fold()
-- ends: refused

CREATE TABLE documents (id integer PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id integer NOT NULL PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id),
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
CREATE INDEX folded ON vectors (upper(vector_ids));
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'upper(', 'fold(') WHERE name = 'folded';
PRAGMA writable_schema = OFF;
