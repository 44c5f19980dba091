-- The key is to another table, and the rows are its rows.
-- finds: foreign key: the foreign key fk is (doc_id) to files(id)
-- ends: refused

CREATE TABLE files (id int PRIMARY KEY);
INSERT INTO files VALUES (11), (12), (13);
CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES files (id) ON DELETE CASCADE
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (11, 1, '["a", "b"]'), (11, 2, '[]'), (13, 1, '["c"]');
