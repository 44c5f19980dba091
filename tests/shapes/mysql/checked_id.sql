-- MariaDB lets no check read a column that it numbers.
-- finds: auto-increment: id gets no number of itself
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int NOT NULL PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE,
    CHECK (id > 0)
);
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
