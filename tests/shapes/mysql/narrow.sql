-- A page number of 16 bits, ids of 64 KB in latin1.
-- finds: page: page is smallint(6)
-- finds: vector_ids: vector_ids is text COLLATE latin1_swedish_ci
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page smallint NOT NULL DEFAULT 1 COMMENT 'from 1',
    vector_ids text CHARACTER SET latin1 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["café"]');
