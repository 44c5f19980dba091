-- documents is partitioned, in ranges of id; vectors is as declared.
-- ends: as declared

CREATE TABLE documents (id integer PRIMARY KEY, title text) PARTITION BY RANGE (id);
CREATE TABLE documents_1 PARTITION OF documents FOR VALUES FROM (0) TO (2);
CREATE TABLE documents_2 PARTITION OF documents FOR VALUES FROM (2) TO (1000);
INSERT INTO documents (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
