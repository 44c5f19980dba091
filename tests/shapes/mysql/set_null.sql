-- Another action on a column that may be NULL, with comments.
-- finds: foreign key: the foreign key mine has ON DELETE SET NULL
-- finds: doc_id: doc_id may be NULL
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NULL COMMENT 'the document''s',
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT mine FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE SET NULL ON UPDATE CASCADE
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
