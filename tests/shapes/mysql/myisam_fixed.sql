-- Options of MyISAM that InnoDB does not take.
-- finds: vectors: vectors is stored by MyISAM, which keeps no foreign keys
-- finds: vector_ids: vector_ids is varchar(100)
-- finds: foreign key: there is no foreign key on doc_id
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids varchar(100) CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id)
) ENGINE = MyISAM ROW_FORMAT = FIXED KEY_BLOCK_SIZE = 1024;
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
