-- Rows whose document is gone, and no key.
-- finds: rows: 2 rows reference missing documents, for example row 4 (doc_id 8), row 5 (doc_id 9)
-- finds: foreign key: there is no foreign key on doc_id
-- ends: refused, repaired with --delete-orphans

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (8, 1, '[]'), (9, 1, '[]');
