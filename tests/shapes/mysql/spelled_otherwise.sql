-- Names in upper case, and a text of utf8mb3 in another order than the default one.
-- finds: vector_ids: vector_ids is varchar(100) COLLATE utf8mb3_unicode_ci
-- finds: auto-increment: id gets no number of itself
-- finds: page: page may be NULL
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    ID int NOT NULL PRIMARY KEY,
    Doc_Id int NOT NULL,
    PAGE int,
    Vector_Ids varchar(100) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci NOT NULL,
    KEY ix_vectors_doc_id (Doc_Id),
    CONSTRAINT fk FOREIGN KEY (Doc_Id) REFERENCES documents (id) ON DELETE CASCADE
);
INSERT INTO vectors VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (3, 3, 1, '["c"]');
