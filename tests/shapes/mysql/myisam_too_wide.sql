-- Rows that another storage engine keeps, and that are wider than InnoDB's.
-- finds: vectors: vectors is stored by MyISAM, which keeps no foreign keys
-- finds: foreign key: there is no foreign key on doc_id
-- ends: refused

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int AUTO_INCREMENT PRIMARY KEY,
    doc_id int NOT NULL,
    page int NOT NULL,
    vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
    c00 char(250) CHARACTER SET latin1,
    c01 char(250) CHARACTER SET latin1,
    c02 char(250) CHARACTER SET latin1,
    c03 char(250) CHARACTER SET latin1,
    c04 char(250) CHARACTER SET latin1,
    c05 char(250) CHARACTER SET latin1,
    c06 char(250) CHARACTER SET latin1,
    c07 char(250) CHARACTER SET latin1,
    c08 char(250) CHARACTER SET latin1,
    c09 char(250) CHARACTER SET latin1,
    c10 char(250) CHARACTER SET latin1,
    c11 char(250) CHARACTER SET latin1,
    c12 char(250) CHARACTER SET latin1,
    c13 char(250) CHARACTER SET latin1,
    c14 char(250) CHARACTER SET latin1,
    c15 char(250) CHARACTER SET latin1,
    c16 char(250) CHARACTER SET latin1,
    c17 char(250) CHARACTER SET latin1,
    c18 char(250) CHARACTER SET latin1,
    c19 char(250) CHARACTER SET latin1,
    c20 char(250) CHARACTER SET latin1,
    c21 char(250) CHARACTER SET latin1,
    c22 char(250) CHARACTER SET latin1,
    c23 char(250) CHARACTER SET latin1,
    c24 char(250) CHARACTER SET latin1,
    c25 char(250) CHARACTER SET latin1,
    c26 char(250) CHARACTER SET latin1,
    c27 char(250) CHARACTER SET latin1,
    c28 char(250) CHARACTER SET latin1,
    c29 char(250) CHARACTER SET latin1,
    c30 char(250) CHARACTER SET latin1,
    c31 char(250) CHARACTER SET latin1,
    c32 char(250) CHARACTER SET latin1,
    c33 char(250) CHARACTER SET latin1,
    c34 char(250) CHARACTER SET latin1,
    c35 char(250) CHARACTER SET latin1,
    c36 char(250) CHARACTER SET latin1,
    c37 char(250) CHARACTER SET latin1,
    c38 char(250) CHARACTER SET latin1,
    c39 char(250) CHARACTER SET latin1,
    KEY ix_vectors_doc_id (doc_id)
) ENGINE=MyISAM;
INSERT INTO vectors (doc_id, page, vector_ids, c00) VALUES (1, 1, '["a", "b"]', 'x');
