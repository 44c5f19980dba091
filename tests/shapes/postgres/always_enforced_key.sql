-- The triggers of a key without CASCADE act on a replica too.
-- finds: foreign key: the foreign key vectors_doc_id_fkey has ON DELETE NO ACTION
-- ends: refused

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id),
    page integer NOT NULL,
    vector_ids text NOT NULL
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
DO $$DECLARE name text; BEGIN
    FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'vectors'::regclass LOOP
        EXECUTE format('ALTER TABLE vectors ENABLE ALWAYS TRIGGER %I', name);
    END LOOP;
END$$;
