-- documents is partitioned, and vectors is not there yet.
-- finds: vectors: there is no table vectors
-- ends: as declared

CREATE TABLE documents (id integer PRIMARY KEY, title text) PARTITION BY RANGE (id);
CREATE TABLE documents_1 PARTITION OF documents FOR VALUES FROM (0) TO (2);
CREATE TABLE documents_2 PARTITION OF documents FOR VALUES FROM (2) TO (1000);
INSERT INTO documents (id, title) VALUES (1, 'one'), (2, 'two'), (3, 'three');
