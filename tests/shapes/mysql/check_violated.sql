-- Rows that a check of their table would refuse today; the server looks at it when it copies them.
-- finds: vector_ids: vector_ids is text
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids text CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE,
    CONSTRAINT late CHECK (page > 1)
);
SET check_constraint_checks = 0;
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
SET check_constraint_checks = 1;
