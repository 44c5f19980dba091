-- Another table inherits from documents, and no key can refer to its rows.
-- finds: documents: other tables inherit from documents, and no foreign key can refer to their rows
-- finds: foreign key: there is no foreign key on doc_id
-- ends: refused

CREATE TABLE documents (id integer PRIMARY KEY, title text);
CREATE TABLE archived () INHERITS (documents);
INSERT INTO archived VALUES (9, 'nine');
INSERT INTO documents (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
