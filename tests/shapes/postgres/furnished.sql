-- No CASCADE, and everything that must stay: columns, indexes, a trigger, a view, a check, a comment, rights, a policy, a referring table.
-- finds: foreign key: the foreign key vectors_doc_id_fkey has ON DELETE NO ACTION
-- ends: as declared

CREATE TABLE documents (id serial PRIMARY KEY, title text);
INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');
CREATE TABLE vectors (
    id serial PRIMARY KEY,
    doc_id integer NOT NULL REFERENCES documents (id),
    page integer NOT NULL,
    vector_ids text NOT NULL,
    model text DEFAULT 'v1',
    doubled integer GENERATED ALWAYS AS (page * 2) STORED,
    CHECK (page > 0)
);
CREATE INDEX ix_vectors_doc_id ON vectors (doc_id);
INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '["a", "b"]'), (1, 2, '[]'), (3, 1, '["c"]');
CREATE INDEX by_model ON vectors (model) WHERE page > 1;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER noting AFTER INSERT ON vectors FOR EACH ROW EXECUTE FUNCTION noted();
CREATE VIEW pages AS SELECT doc_id, count(*) AS pages FROM vectors GROUP BY doc_id;
CREATE TABLE highlights (vectors_id integer REFERENCES vectors (id) ON DELETE CASCADE);
INSERT INTO highlights VALUES (1);
COMMENT ON TABLE vectors IS 'patch ids';
COMMENT ON COLUMN vectors.page IS 'from 1';
GRANT SELECT ON vectors TO PUBLIC;
CREATE POLICY everybody ON vectors USING (true);
