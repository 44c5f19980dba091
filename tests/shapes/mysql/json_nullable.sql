-- MariaDB's JSON, with the check and the collation that it has, and a comment on id.
-- finds: auto-increment: id gets no number of itself
-- finds: vector_ids: vector_ids may be NULL
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int PRIMARY KEY COMMENT 'ours',
    doc_id int NOT NULL,
    page int NOT NULL CHECK (page > 0),
    vector_ids json DEFAULT '[]' COMMENT 'JSON \\ array',
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE
);
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '["a", "b"]'), (2, 3, 1, '[]');
