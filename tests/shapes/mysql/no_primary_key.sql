-- id is only a number, and one of them is 0.
-- finds: primary key: there is no primary key
-- finds: auto-increment: id gets no number of itself
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int NOT NULL,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE
);
INSERT INTO vectors VALUES (0, 1, 1, '[]'), (7, 1, 2, '["a"]');
