-- All columns may be NULL, none is.
-- finds: doc_id: doc_id may be NULL
-- finds: page: page may be NULL
-- finds: vector_ids: vector_ids may be NULL
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int,
    page int DEFAULT 3,
    vector_ids longtext CHARACTER SET utf8mb4,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
