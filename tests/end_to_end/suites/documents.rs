//! The application's table: made for a newcomer, never changed.

use sea_orm::{ConnectionTrait, DbBackend};

use super::{
    Test,
    shape::{lines, tables},
};
use crate::{engines::Database, programs::migrate};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        a_documents_that_is_there_stays_as_it_is,
        down_leaves_documents_and_its_rows,
        tables_without_documents_stop_up_with_their_names,
        documents_without_an_id_stops_up,
        documents_with_an_id_that_is_no_key_stops_up,
        documents_with_a_64_bit_id_stops_up,
        documents_with_a_key_over_two_columns_stops_up,
        documents_that_is_a_view_stops_up,
    ];
    tests.extend(match backend {
        DbBackend::Postgres => tests![
            documents_with_a_deferrable_key_stops_up,
            documents_with_a_partial_unique_index_stops_up,
            documents_is_looked_for_in_the_named_schema,
            documents_of_another_schema_stops_up_in_public,
            documents_that_is_unlogged_stops_up,
        ],
        DbBackend::Sqlite => tests![
            documents_with_a_serial_id_stops_up,
            documents_with_a_partial_unique_index_stops_up,
        ],
        _ => tests![
            documents_with_an_unsigned_id_stops_up,
            documents_of_another_storage_engine_stops_up,
            documents_in_partitions_stops_up,
            a_database_that_this_user_may_not_use_is_one_sentence,
        ],
    });
    tests
}

const ROWS: &str = "SELECT concat(id, ' ', title) FROM documents ORDER BY id";

async fn a_documents_that_is_there_stays_as_it_is(database: Database) {
    database
        .execute([
            "CREATE TABLE documents (id integer PRIMARY KEY, title varchar(50) NOT NULL)",
            "CREATE TABLE users (id integer PRIMARY KEY)",
            "INSERT INTO documents VALUES (7, 'kept')",
        ])
        .await;

    let db = database.connect().await;
    let definition = match database.backend() {
        DbBackend::Postgres => {
            "SELECT concat_ws(' ', attname, atttypid::regtype, attnotnull) FROM pg_attribute
             WHERE attrelid = 'documents'::regclass AND attnum > 0"
        }
        DbBackend::MySql => {
            "SELECT CAST(concat_ws(' ', column_name, column_type, is_nullable, column_key, extra) AS CHAR)
             FROM information_schema.columns
             WHERE table_schema = DATABASE() AND table_name = 'documents'"
        }
        _ => "SELECT sql FROM sqlite_schema WHERE name = 'documents'",
    };
    let before = lines(&db, definition).await;

    migrate(&database, ["up"]).expect_success();

    assert_eq!(lines(&db, ROWS).await, ["7 kept"]);
    assert_eq!(lines(&db, definition).await, before);
}

async fn down_leaves_documents_and_its_rows(database: Database) {
    database
        .execute([
            "CREATE TABLE documents (id integer PRIMARY KEY, title varchar(50) NOT NULL)",
            "INSERT INTO documents VALUES (7, 'kept')",
        ])
        .await;
    migrate(&database, ["up"]).expect_success();

    migrate(&database, ["down", "-n", "2"]).expect_success();

    let db = database.connect().await;
    assert_eq!(lines(&db, ROWS).await, ["7 kept"]);
    assert!(
        db.execute_unprepared("SELECT * FROM vectors")
            .await
            .is_err()
    );
}

async fn tables_without_documents_stop_up_with_their_names(database: Database) {
    database
        .execute(["CREATE TABLE users (id integer PRIMARY KEY)"])
        .await;

    let error = migrate(&database, ["up"]).expect_error();

    assert!(error.contains("found users"), "{error}");
    assert!(error.contains(&database.name), "{error}");
    if database.backend() == DbBackend::Postgres {
        assert!(error.contains("schema \"public\""), "{error}");
    }
    nothing_was_made(&database).await;
}

/// `up` says what it found, and makes and records nothing.
async fn stops_up(database: &Database, statements: &[&str], found: &str) {
    database.execute(statements).await;

    let error = migrate(database, ["up"]).expect_error();

    assert!(error.contains(found), "{error}");
    assert!(error.contains(&database.name), "{error}");
    nothing_was_made(database).await;
}

async fn nothing_was_made(database: &Database) {
    let db = database.connect().await;
    let tables = tables(&db).await;
    assert!(!tables.contains(&"vectors".to_owned()), "{tables:?}");
    // On MySQL the table of records stays, since each statement commits.
    if tables.contains(&"seaql_migrations".to_owned()) {
        let recorded = lines(&db, "SELECT version FROM seaql_migrations").await;
        assert_eq!(recorded, [""; 0]);
    }
}

async fn documents_without_an_id_stops_up(database: Database) {
    let make = "CREATE TABLE documents (number integer PRIMARY KEY)";
    stops_up(&database, &[make], "documents has no column id").await;
}

async fn documents_with_an_id_that_is_no_key_stops_up(database: Database) {
    let make = "CREATE TABLE documents (id integer)";
    stops_up(
        &database,
        &[make],
        "no primary key and no unique constraint",
    )
    .await;
}

async fn documents_with_a_64_bit_id_stops_up(database: Database) {
    let make = "CREATE TABLE documents (id bigint PRIMARY KEY)";
    stops_up(&database, &[make], "documents.id is bigint").await;
}

async fn documents_with_a_key_over_two_columns_stops_up(database: Database) {
    let make = "CREATE TABLE documents (id integer, part integer, PRIMARY KEY (id, part))";
    stops_up(
        &database,
        &[make],
        "no primary key and no unique constraint",
    )
    .await;
}

async fn documents_that_is_a_view_stops_up(database: Database) {
    let make = "CREATE VIEW documents AS SELECT 1 AS id";
    stops_up(&database, &[make], "documents is a view").await;
}

async fn documents_with_a_deferrable_key_stops_up(database: Database) {
    let make = "CREATE TABLE documents (id integer PRIMARY KEY DEFERRABLE)";
    stops_up(
        &database,
        &[make],
        "no primary key and no unique constraint",
    )
    .await;
}

async fn documents_with_a_partial_unique_index_stops_up(database: Database) {
    let make = [
        "CREATE TABLE documents (id integer)",
        "CREATE UNIQUE INDEX positive ON documents (id) WHERE id > 0",
    ];
    stops_up(&database, &make, "no primary key and no unique constraint").await;
}

async fn documents_with_a_serial_id_stops_up(database: Database) {
    let make = "CREATE TABLE documents (id SERIAL PRIMARY KEY)";
    stops_up(&database, &[make], "documents.id is SERIAL").await;
}

async fn documents_with_an_unsigned_id_stops_up(database: Database) {
    let make = "CREATE TABLE documents (id int unsigned PRIMARY KEY) ENGINE=InnoDB";
    stops_up(&database, &[make], "unsigned").await;
}

async fn documents_of_another_storage_engine_stops_up(database: Database) {
    let make = "CREATE TABLE documents (id int PRIMARY KEY) ENGINE=MyISAM";
    stops_up(&database, &[make], "stored by MyISAM").await;
}

async fn documents_is_looked_for_in_the_named_schema(database: Database) {
    let schema = "Réserve \"A\"";
    database
        .execute([
            "CREATE SCHEMA \"Réserve \"\"A\"\"\"",
            "CREATE TABLE \"Réserve \"\"A\"\"\".documents (id integer PRIMARY KEY)",
        ])
        .await;

    migrate(&database, ["up", "-s", schema]).expect_success();

    let db = database.connect().await;
    let made = "SELECT schemaname::text FROM pg_tables WHERE tablename = 'vectors'";
    assert_eq!(lines(&db, made).await, [schema]);
}

async fn documents_of_another_schema_stops_up_in_public(database: Database) {
    let make = [
        "CREATE SCHEMA app",
        "CREATE TABLE app.documents (id integer PRIMARY KEY)",
    ];
    stops_up(
        &database,
        &make,
        "there is no table documents; found app.documents",
    )
    .await;

    migrate(&database, ["up", "-s", "app"]).expect_success();
}

async fn documents_that_is_unlogged_stops_up(database: Database) {
    let make = "CREATE UNLOGGED TABLE documents (id integer PRIMARY KEY)";
    stops_up(&database, &[make], "documents is an unlogged table").await;
}

async fn documents_in_partitions_stops_up(database: Database) {
    let make = "CREATE TABLE documents (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2";
    stops_up(&database, &[make], "documents is a partitioned table").await;
}

async fn a_database_that_this_user_may_not_use_is_one_sentence(database: Database) {
    let user = format!("u{}", database.name);
    database
        .execute([
            format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'only-for-tests'"),
            format!("GRANT ALL ON {}.* TO '{user}'@'%'", database.name),
        ])
        .await;
    let mut limited = database.of_user(&user);
    limited.url.push('x');

    let error = migrate(&limited, ["up"]).expect_error();

    assert!(error.contains("or this user has no right on it"), "{error}");
    database.execute([format!("DROP USER '{user}'@'%'")]).await;
}
