-- `int PRIMARY KEY` is no rowid: two rows have no id. The others keep theirs.
-- finds: auto-increment: id gets no number of itself; 2 rows have no id and will get the next numbers
-- ends: as declared

CREATE TABLE documents (id integer PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id int PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (NULL, 1, 1, '["a", "b"]'), (4, 1, 2, '[]'), (NULL, 3, 1, '["c"]');
