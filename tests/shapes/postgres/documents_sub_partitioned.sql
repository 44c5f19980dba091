-- documents is partitioned, its partitions too, and there is no key.
-- finds: foreign key: there is no foreign key on doc_id
-- ends: as declared

CREATE TABLE documents (id integer PRIMARY KEY, title text) PARTITION BY LIST (id);
CREATE TABLE documents_1 PARTITION OF documents FOR VALUES IN (1);
CREATE TABLE documents_rest PARTITION OF documents DEFAULT PARTITION BY RANGE (id);
CREATE TABLE documents_2 PARTITION OF documents_rest FOR VALUES FROM (2) TO (3);
CREATE TABLE documents_more PARTITION OF documents_rest DEFAULT;
INSERT INTO documents (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
