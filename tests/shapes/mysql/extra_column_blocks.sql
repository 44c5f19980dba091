-- A column of somebody else's makes every INSERT fail.
-- finds: vectors: model is NOT NULL and has no default, so that every INSERT fails
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE,
    model varchar(20) NOT NULL
);
INSERT INTO vectors (doc_id, page, vector_ids, model) VALUES (1, 1, '[]', 'v1');
