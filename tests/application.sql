-- What an application's own SeaORM migrator has made and recorded.
CREATE TABLE documents (id serial PRIMARY KEY, title text NOT NULL);
CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL);
INSERT INTO seaql_migrations VALUES ('m20250101_000000_create_documents', 1735689600);
