-- Columns that are generated: the server copies the table for a NOT NULL and for the foreign key.
-- finds: index: no index leads with doc_id
-- finds: foreign key: there is no foreign key on doc_id
-- finds: page: page may be NULL
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    next_document int AS (doc_id + 1) STORED,
    next_page int AS (page + 1) VIRTUAL,
    KEY next_pages (next_page)
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
