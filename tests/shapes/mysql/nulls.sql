-- A page has no number.
-- finds: page: page may be NULL, and is in 1 row
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (2, NULL, '[]');
