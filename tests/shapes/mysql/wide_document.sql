-- A 64-bit doc_id.
-- finds: doc_id: doc_id is bigint(20)
-- finds: foreign key: there is no foreign key on doc_id
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id bigint NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id)
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
