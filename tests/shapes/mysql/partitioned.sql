-- In partitions, which take no foreign key.
-- finds: vectors: vectors is a partitioned table
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL
) PARTITION BY HASH (id) PARTITIONS 2;
INSERT INTO vectors VALUES (1, 1, 1, '[]');
