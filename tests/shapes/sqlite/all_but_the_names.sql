-- Little more than the names: ids that are no numbers of itself, columns that may be NULL or are narrow, no CASCADE, no index.
-- finds: page: page is SMALLINT
-- finds: vector_ids: vector_ids is VARCHAR(5000)
-- finds: auto-increment: id gets no number of itself
-- finds: foreign key: the foreign key has ON DELETE NO ACTION
-- finds: index: no index leads with doc_id
-- finds: doc_id: doc_id may be NULL
-- finds: page: page may be NULL
-- finds: vector_ids: vector_ids may be NULL
-- ends: as declared

CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id SERIAL PRIMARY KEY,
    doc_id INTEGER REFERENCES documents (id),
    page SMALLINT,
    vector_ids VARCHAR(5000)
);
INSERT INTO vectors VALUES (1, 1, 1, '["a", "b"]'), (2, 1, 2, '[]'), (7, 3, 1, '["c"]');
