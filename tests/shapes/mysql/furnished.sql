-- No CASCADE, and everything that must stay.
-- finds: foreign key: the foreign key fk has ON DELETE RESTRICT
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    CONSTRAINT fk FOREIGN KEY (doc_id) REFERENCES documents (id),
    model varchar(20) DEFAULT 'v1',
    doubled int AS (page * 2) STORED,
    KEY by_model (model),
    CONSTRAINT positive CHECK (page > 0)
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
CREATE TRIGGER noting AFTER INSERT ON vectors FOR EACH ROW SET @noted = 1;
CREATE VIEW pages AS SELECT doc_id, count(*) AS pages FROM vectors GROUP BY doc_id;
CREATE TABLE highlights (vectors_id int, CONSTRAINT of_vectors FOREIGN KEY (vectors_id) REFERENCES vectors (id) ON DELETE CASCADE);
INSERT INTO highlights VALUES (1);
ALTER TABLE vectors COMMENT 'patch ids';
