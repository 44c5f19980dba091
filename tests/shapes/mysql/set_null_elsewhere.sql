-- Another foreign key would set NULL in a column that is declared NOT NULL.
-- finds: page: page may be NULL
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE pages (number int PRIMARY KEY);
INSERT INTO pages VALUES (1), (2);
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE,
    FOREIGN KEY (page) REFERENCES pages (number) ON DELETE SET NULL
);
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
