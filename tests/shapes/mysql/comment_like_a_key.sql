-- A comment says the words of a foreign key, and there is none.
-- finds: index: no index leads with doc_id
-- finds: foreign key: there is no foreign key on doc_id
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL COMMENT 'see CONSTRAINT `fk` FOREIGN KEY (doc_id)',
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
