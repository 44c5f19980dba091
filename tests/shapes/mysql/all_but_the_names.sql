-- Little more than the names: no primary key, columns that may be NULL or are narrow, no key, no index.
-- finds: primary key: there is no primary key
-- finds: vectors: vectors is stored by MyISAM, which keeps no foreign keys
-- finds: page: page is smallint(6)
-- finds: vector_ids: vector_ids is text COLLATE latin1_swedish_ci
-- finds: auto-increment: id gets no number of itself
-- finds: index: no index leads with doc_id
-- finds: foreign key: there is no foreign key on doc_id
-- finds: doc_id: doc_id may be NULL
-- finds: page: page may be NULL
-- finds: vector_ids: vector_ids may be NULL
-- ends: as declared

CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int,
    doc_id int,
    page smallint,
    vector_ids text CHARACTER SET latin1
) ENGINE=MyISAM;
INSERT INTO vectors VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (7, 3, 1, '["c"]');
