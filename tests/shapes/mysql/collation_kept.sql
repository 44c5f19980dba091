-- A narrow column that tells upper from lower case.
-- finds: vector_ids: vector_ids is varchar(100)
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE,
    UNIQUE KEY u (vector_ids(50), id)
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, 'a'), (1, 1, 'A');
