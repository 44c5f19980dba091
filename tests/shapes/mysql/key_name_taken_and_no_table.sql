-- The name of the foreign key is taken before there is a table for it.
-- finds: vectors: there is no table vectors
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE others (doc_id int NOT NULL, CONSTRAINT VECTORS_doc_id_fkey FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE);
