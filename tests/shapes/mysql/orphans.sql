-- Rows whose document is gone, and no key.
-- finds: rows: 2 rows reference missing documents, for example row 4 (doc_id 8), row 5 (doc_id 9)
-- finds: foreign key: there is no foreign key on doc_id
-- ends: refused, repaired with --delete-orphans

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id)
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (8, 1, '[]'), (9, 1, '[]');
