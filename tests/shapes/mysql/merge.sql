-- A table whose rows are those of another one.
-- finds: vectors: vectors is stored by MRG_MyISAM, which keeps no foreign keys
-- finds: vector_ids: vector_ids is varchar(100)
-- finds: foreign key: there is no foreign key on doc_id
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors_of_2024 (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids varchar(100) CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id)
) ENGINE=MyISAM;
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids varchar(100) CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id)
) ENGINE=MERGE UNION=(vectors_of_2024) INSERT_METHOD=LAST;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a"]'), (1, 2, '[]');
