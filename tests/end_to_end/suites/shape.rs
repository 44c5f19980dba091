//! The declared shape, as the engine's own catalog returns it.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::Test;
use crate::{engines::Database, programs::migrate};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = match backend {
        DbBackend::Postgres => tests![postgres_has_the_declared_shape],
        DbBackend::Sqlite => tests![
            sqlite_has_the_declared_shape,
            what_another_program_registers_is_no_difference,
        ],
        _ => tests![mariadb_has_the_declared_shape],
    };
    tests.extend(tests![check_notes_what_is_there_beyond_the_declaration]);
    tests
}

/// Returns the first column of each row.
pub async fn lines(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.expect(sql);
    rows.iter()
        .map(|row| row.try_get_by_index(0).expect(sql))
        .collect()
}

pub async fn tables(db: &DatabaseConnection) -> Vec<String> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
        DbBackend::MySql => {
            "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = DATABASE()"
        }
        _ => "SELECT name FROM sqlite_schema WHERE type = 'table'",
    };
    lines(db, sql).await
}

/// Returns everything that pg_catalog contains about `vectors`.
pub async fn of_postgres(db: &DatabaseConnection) -> Vec<String> {
    lines(
        db,
        "SELECT format('column %s %s %s%s %s identity=%s sequence=%s', attnum, attname, format_type(atttypid, atttypmod),
                       CASE WHEN attnotnull THEN ' not null' ELSE '' END,
                       coalesce('default ' || pg_get_expr(adbin, adrelid), 'no default'), attidentity,
                       coalesce(pg_get_serial_sequence('vectors', attname), ''))
         FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
         WHERE attrelid = 'vectors'::regclass AND attnum > 0
         UNION ALL
         SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid))
         FROM pg_constraint WHERE conrelid = 'vectors'::regclass
         UNION ALL
         SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'vectors'::regclass
         UNION ALL
         SELECT format('sequence %s %s by %s', sequencename, data_type, increment_by) FROM pg_sequences
         ORDER BY 1",
    )
    .await
}

async fn postgres_has_the_declared_shape(database: Database) {
    migrate(&database, ["up"]).expect_success();

    let mut found = of_postgres(&database.connect().await).await;

    // PostgreSQL 18 lists these as constraints too.
    found.retain(|line| !line.contains("_not_null NOT NULL"));
    assert_eq!(
        found,
        [
            "column 1 id integer not null default nextval('vectors_id_seq'::regclass) identity= sequence=public.vectors_id_seq",
            "column 2 doc_id integer not null no default identity= sequence=",
            "column 3 page integer not null no default identity= sequence=",
            "column 4 vector_ids text not null no default identity= sequence=",
            "constraint vectors_doc_id_fkey FOREIGN KEY (doc_id) REFERENCES documents(id) ON DELETE CASCADE",
            "constraint vectors_pkey PRIMARY KEY (id)",
            "index CREATE INDEX ix_vectors_doc_id ON public.vectors USING btree (doc_id)",
            "index CREATE UNIQUE INDEX vectors_pkey ON public.vectors USING btree (id)",
            "sequence documents_id_seq integer by 1",
            "sequence vectors_id_seq integer by 1",
        ]
    );
}

async fn sqlite_has_the_declared_shape(database: Database) {
    migrate(&database, ["up"]).expect_success();

    let db = database.connect().await;
    let columns = "SELECT name || ' ' || type || ' notnull=' || \"notnull\" || ' pk=' || pk
                   FROM pragma_table_info('vectors')";
    assert_eq!(
        lines(&db, columns).await,
        [
            "id INTEGER notnull=1 pk=1",
            "doc_id INTEGER notnull=1 pk=0",
            "page INTEGER notnull=1 pk=0",
            "vector_ids TEXT notnull=1 pk=0",
        ]
    );
    let keys = "SELECT \"from\" || ' ' || \"table\" || '.' || \"to\" || ' on delete ' || on_delete
                FROM pragma_foreign_key_list('vectors')";
    assert_eq!(
        lines(&db, keys).await,
        ["doc_id documents.id on delete CASCADE"]
    );
    let indexes = "SELECT l.name || ' ' || i.name FROM pragma_index_list('vectors') l, pragma_index_info(l.name) i";
    assert_eq!(lines(&db, indexes).await, ["ix_vectors_doc_id doc_id"]);

    // The last id is not assigned again after its row is gone, as on the other engines.
    for sql in [
        "INSERT INTO documents DEFAULT VALUES",
        "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[]'), (1, 2, '[]')",
        "DELETE FROM vectors WHERE id = 2",
        "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 2, '[]')",
    ] {
        db.execute_unprepared(sql).await.expect(sql);
    }
    let ids = "SELECT cast(id AS text) FROM vectors ORDER BY id";
    assert_eq!(lines(&db, ids).await, ["1", "3"]);
}

async fn mariadb_has_the_declared_shape(database: Database) {
    migrate(&database, ["up"]).expect_success();

    let db = database.connect().await;
    let columns = "SELECT CAST(concat_ws(' ', column_name, regexp_replace(column_type, '[(][0-9]+[)]', ''), is_nullable, column_key, extra) AS CHAR)
                   FROM information_schema.columns
                   WHERE table_schema = DATABASE() AND table_name = 'vectors' ORDER BY ordinal_position";
    assert_eq!(
        lines(&db, columns).await,
        [
            "id int NO PRI auto_increment",
            "doc_id int NO MUL ",
            "page int NO  ",
            "vector_ids longtext NO  ",
        ]
    );
    let keys = "SELECT CAST(concat_ws(' ', constraint_name, column_name, k.referenced_table_name,
                                      referenced_column_name, delete_rule) AS CHAR)
                FROM information_schema.referential_constraints r
                JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
                WHERE constraint_schema = DATABASE()";
    assert_eq!(
        lines(&db, keys).await,
        ["vectors_doc_id_fkey doc_id documents id CASCADE"]
    );
    let indexes = "SELECT CAST(concat_ws(' ', index_name, column_name) AS CHAR) FROM information_schema.statistics
                   WHERE table_schema = DATABASE() AND table_name = 'vectors' ORDER BY index_name";
    assert_eq!(
        lines(&db, indexes).await,
        ["ix_vectors_doc_id doc_id", "PRIMARY id"]
    );
    let storage = "SELECT CAST(concat_ws(' ', table_name, engine, left(table_collation, 7)) AS CHAR)
                   FROM information_schema.tables
                   WHERE table_schema = DATABASE() AND table_name <> 'seaql_migrations' ORDER BY table_name";
    assert_eq!(
        lines(&db, storage).await,
        ["documents InnoDB utf8mb4", "vectors InnoDB utf8mb4"]
    );
}

async fn check_notes_what_is_there_beyond_the_declaration(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let (index, on) = match database.backend() {
        DbBackend::Postgres => ("lower(vector_ids)", "lower(vector_ids)"),
        DbBackend::Sqlite => (
            "lower(vector_ids)",
            "an expression of (page, lower(vector_ids))",
        ),
        _ => ("vector_ids(10)", "vector_ids(10)"),
    };
    database
        .execute([
            "CREATE TABLE models (id integer PRIMARY KEY)".to_owned(),
            "ALTER TABLE vectors ADD COLUMN model_id integer REFERENCES models (id)".to_owned(),
            format!("CREATE INDEX by_ids ON vectors (page, {index})"),
        ])
        .await;

    let check = migrate(&database, ["check"]).expect_success();

    let type_name = match database.backend() {
        DbBackend::Postgres => "integer",
        DbBackend::Sqlite => "INTEGER",
        _ => "int(11)",
    };
    for note in [
        format!("column model_id ({type_name})"),
        "foreign key on model_id to models".to_owned(),
        format!("index by_ids on (page, {on})"),
    ] {
        let line = format!("\n  {note}\n");
        assert!(check.contains(&line), "{note}: {check}");
    }
}

/// A table of a module that is not loaded is in the schema only.
async fn what_another_program_registers_is_no_difference(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let table = "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES
        ('table', 'nearest', 'nearest', 0, 'CREATE VIRTUAL TABLE nearest USING vec0(embedding)')";
    let trigger = |name: &str, work: &str| {
        format!("CREATE TRIGGER {name} AFTER INSERT ON vectors BEGIN {work}; END")
    };
    database
        .execute([
            "PRAGMA writable_schema = ON".to_owned(),
            table.to_owned(),
            "PRAGMA writable_schema = OFF".to_owned(),
            trigger("by_module", "INSERT INTO nearest (rowid) VALUES (new.id)"),
            trigger("by_function", "SELECT embed(new.vector_ids)"),
            trigger("by_collation", "SELECT new.vector_ids < 'a' COLLATE german"),
        ])
        .await;

    migrate(&database, ["check"]).expect_success();

    let missing = trigger("log", "INSERT INTO function_calls VALUES (new.id)");
    let alone = ["module", "function", "collation"].map(|by| format!("DROP TRIGGER by_{by}"));
    database.execute(alone.into_iter().chain([missing])).await;
    let check = migrate(&database, ["check"]);
    assert!(
        check.stdout.contains("no such table: main.function_calls"),
        "{check:?}"
    );
}
