-- As SQLAlchemy's create_all makes it: no CASCADE, TEXT in the server's character set, an index on id.
-- finds: vector_ids: vector_ids is text COLLATE latin1_swedish_ci
-- finds: foreign key: the foreign key vectors_ibfk_1 has ON DELETE RESTRICT
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids text NOT NULL,
    KEY ix_vectors_doc_id (doc_id),
    KEY ix_vectors_id (id),
    FOREIGN KEY (doc_id) REFERENCES documents (id)
);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
