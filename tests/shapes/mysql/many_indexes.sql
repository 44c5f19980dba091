-- As many indexes as a table can have.
-- finds: index: no index leads with doc_id
-- finds: foreign key: there is no foreign key on doc_id
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page), KEY (page)
);
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
