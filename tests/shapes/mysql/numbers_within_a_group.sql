-- MyISAM numbers each document's rows from 1, which InnoDB cannot.
-- finds: vectors: vectors is stored by MyISAM, which keeps no foreign keys
-- finds: primary key: the primary key is (doc_id, id); 1 id occurs more than once
-- finds: foreign key: there is no foreign key on doc_id
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int NOT NULL AUTO_INCREMENT,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    PRIMARY KEY (doc_id, id)
) ENGINE=MyISAM;
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
