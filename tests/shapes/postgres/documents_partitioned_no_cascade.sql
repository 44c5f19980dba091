-- documents is partitioned, by hash of id, and the key has no CASCADE.
-- finds: foreign key: the foreign key vectors_doc_id_fkey has ON DELETE NO ACTION
-- ends: as declared

CREATE TABLE documents (id integer PRIMARY KEY, title text) PARTITION BY HASH (id);
CREATE TABLE documents_0 PARTITION OF documents FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE documents_1 PARTITION OF documents FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO documents (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id),
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
