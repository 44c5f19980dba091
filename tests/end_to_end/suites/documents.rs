//! The application's table: it is never changed, and created only on request.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, TransactionTrait};

use super::{
    Test,
    shape::{lines, tables},
};
use crate::{
    conditions::until,
    engines::Database,
    programs::{
        client, end_of, migrate, migrate_beside_an_application, migration,
        migration_beside_an_application, named_in_status as name, run, start,
    },
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        a_documents_that_is_there_stays_as_it_is,
        down_leaves_documents_and_its_rows,
        tables_without_documents_stop_up_with_their_names,
        an_application_that_comes_second_finds_no_documents_of_ours,
        documents_is_made_where_it_is_asked_for,
        documents_is_made_in_the_database_that_the_variable_names,
        documents_is_not_made_beside_a_vectors_that_has_lost_it,
        down_and_reset_drop_the_documents_that_was_made,
        down_keeps_a_documents_that_somebody_uses,
        down_keeps_a_documents_that_the_application_has_made,
        refresh_and_fresh_do_not_lose_the_documents_that_was_made,
        fresh_replaces_no_documents_of_an_application,
        documents_without_an_id_stops_up,
        documents_with_an_id_that_is_no_key_stops_up,
        documents_with_a_64_bit_id_stops_up,
        documents_with_a_key_over_two_columns_stops_up,
        documents_that_is_a_view_stops_up,
    ];
    if backend != DbBackend::Sqlite {
        tests.extend(tests![down_keeps_a_documents_that_gets_a_row_meanwhile]);
    }
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

    let error = migrate_beside_an_application(&database, ["up"]).expect_error();

    assert!(error.contains("found users"), "{error}");
    assert!(error.contains(&database.name), "{error}");
    if database.backend() == DbBackend::Postgres {
        assert!(error.contains("schema \"public\""), "{error}");
    }
    nothing_was_made(&database).await;
}

/// Requires that `up` reports what it found, and creates and records nothing.
async fn stops_up(database: &Database, statements: &[&str], found: &str) {
    database.execute(statements).await;

    let error = migrate_beside_an_application(database, ["up"]).expect_error();

    assert!(error.contains(found), "{error}");
    assert!(error.contains(&database.name), "{error}");
    nothing_was_made(database).await;
}

async fn nothing_was_made(database: &Database) {
    let db = database.connect().await;
    let tables = tables(&db).await;
    assert!(!tables.contains(&"vectors".to_owned()), "{tables:?}");
    // On MySQL the migration table is kept, because each statement commits.
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

const VARIABLE: &str = "MIGRATION_CREATE_DOCUMENTS_IN";
const USERS: &str = "CREATE TABLE users (id integer PRIMARY KEY)";

/// Returns whether a `documents` and a `vectors` exist.
async fn are_there(database: &Database) -> (bool, bool) {
    let db = database.connect().await;
    let tables = tables(&db).await;
    db.close().await.expect("it closes");
    let is_there = |name: &str| tables.iter().any(|table| table == name);
    (is_there("documents"), is_there("vectors"))
}

fn backend(database: &Database) -> &'static str {
    match database.backend() {
        DbBackend::Postgres => "postgres",
        DbBackend::MySql => "mysql",
        _ => "sqlite",
    }
}

async fn an_application_that_comes_second_finds_no_documents_of_ours(database: Database) {
    let db = database.connect().await;
    for make in ["SELECT 1", USERS] {
        database.execute([make]).await;
        for command in [&["up"][..], &["up", "--dry-run"], &["refresh"], &["fresh"]] {
            let finished = migrate_beside_an_application(&database, command);

            assert_eq!(finished.code, Some(1), "{command:?}: {finished:?}");
            let error = finished.last_error();
            if command != ["fresh"] || make != USERS {
                assert!(error.contains("start that first"), "{error}");
                assert!(error.contains("--create-documents"), "{error}");
                assert!(error.contains(VARIABLE), "{error}");
            }
        }
        let repair = migrate_beside_an_application(&database, ["repair"]);
        assert_eq!(repair.code, Some(1), "{repair:?}");
        let check = migrate_beside_an_application(&database, ["check"]);
        assert_eq!(check.code, Some(1), "{check:?}");
        assert!(check.stdout.contains("start that first"), "{check:?}");
        let error = Migrator::up(&db, None).await.expect_err("no documents");
        assert!(error.to_string().contains("start that first"), "{error}");
        let script = ["sql", "--backend", backend(&database)];
        let script = migrate_beside_an_application(&database, script).expect_success();
        let stopped = client(&database, &script);
        assert_ne!(stopped.code, Some(0), "{stopped:?}");
        assert!(
            stopped.stderr.contains("start the application first"),
            "{stopped:?}"
        );
        assert_eq!(are_there(&database).await, (false, false));
    }

    let application = "CREATE TABLE documents (id integer NOT NULL PRIMARY KEY, title varchar(9))";
    database.execute([application]).await;
    migrate_beside_an_application(&database, ["up"]).expect_success();
    Migrator::up(&db, None)
        .await
        .expect("nothing is left to do");
}

async fn documents_is_made_where_it_is_asked_for(database: Database) {
    for make in ["SELECT 1", USERS] {
        database.execute([make]).await;
        let dry = ["up", "--dry-run", "--create-documents"];
        let dry = migrate_beside_an_application(&database, dry).expect_success();
        assert!(
            dry.contains("made by m20250524_000000_create_documents"),
            "{dry}"
        );

        let up = ["up", "--create-documents"];
        migrate_beside_an_application(&database, up).expect_success();

        assert_eq!(are_there(&database).await, (true, true));
        migrate_beside_an_application(&database, ["check"]).expect_success();
        migrate_beside_an_application(&database, ["reset"]).expect_success();
        let script = ["sql", "--create-documents", "--backend", backend(&database)];
        let script = migrate_beside_an_application(&database, script).expect_success();
        client(&database, &script).expect_success();
        migrate_beside_an_application(&database, ["check"]).expect_success();
        // It is the same table, and is dropped again.
        migrate_beside_an_application(&database, ["reset"]).expect_success();
        assert_eq!(are_there(&database).await, (false, false));
    }
}

async fn documents_is_made_in_the_database_that_the_variable_names(database: Database) {
    let with = |value: &str, arguments: &[&str]| {
        let mut command = migration_beside_an_application();
        command.env("DATABASE_URL", &database.url);
        run(command.env(VARIABLE, value).args(arguments))
    };
    let script = ["sql", "--backend", backend(&database)];
    for elsewhere in ["", "another_database", "1", "true", "it's $guard$ \\ \"x\""] {
        with(elsewhere, &["up"]).expect_error();
        let script = with(elsewhere, &script).expect_success();
        let stopped = client(&database, &script);
        assert!(
            stopped.stderr.contains("start the application first"),
            "{stopped:?}"
        );
        assert_eq!(are_there(&database).await, (false, false));
    }
    let here = name(&database);
    let script = with(&here, &script).expect_success();
    client(&database, &script).expect_success();
    assert_eq!(are_there(&database).await, (true, true));
    with(&here, &["reset"]).expect_success();
    assert_eq!(are_there(&database).await, (false, false));

    with(&here, &["up"]).expect_success();

    assert_eq!(are_there(&database).await, (true, true));
}

async fn documents_is_not_made_beside_a_vectors_that_has_lost_it(database: Database) {
    database
        .execute([
            "CREATE TABLE vectors (id integer NOT NULL PRIMARY KEY, doc_id integer NOT NULL,
                 page integer NOT NULL, vector_ids text NOT NULL)",
            "INSERT INTO vectors VALUES (1, 7, 1, '[]')",
        ])
        .await;

    let error = migrate(&database, ["up"]).expect_error();

    assert!(
        error.contains("documents was dropped or is elsewhere: restore it"),
        "{error}"
    );
    assert_eq!(are_there(&database).await, (false, true));
}

async fn down_and_reset_drop_the_documents_that_was_made(database: Database) {
    for back in [&["down", "-n", "3"][..], &["reset"]] {
        migrate(&database, ["up"]).expect_success();
        let dry = migrate(&database, ["down", "--dry-run", "-n", "3"]).expect_success();
        assert!(drops_documents(&dry), "{dry}");
        migrate(&database, ["down", "-n", "2"]).expect_success();
        assert_eq!(are_there(&database).await, (true, false));
        migrate(&database, ["up"]).expect_success();

        let said = migrate_beside_an_application(&database, back).expect_success();

        assert!(said.contains("drops the table documents"), "{said}");
        assert_eq!(are_there(&database).await, (false, false));
        migrate_beside_an_application(&database, ["up"]).expect_error();
    }
}

async fn down_keeps_a_documents_that_somebody_uses(database: Database) {
    let used = [
        (
            "INSERT INTO documents (id) VALUES (1)",
            "DELETE FROM documents",
        ),
        (
            "ALTER TABLE documents ADD COLUMN title varchar(9)",
            "ALTER TABLE documents DROP COLUMN title",
        ),
        (
            "CREATE TABLE notes (doc_id integer, FOREIGN KEY (doc_id) REFERENCES documents (id))",
            "DROP TABLE notes",
        ),
        (
            "CREATE VIEW all_of_them AS SELECT id FROM documents",
            "DROP VIEW all_of_them",
        ),
    ];
    for (begin, end) in used {
        migrate(&database, ["up"]).expect_success();
        database.execute([begin]).await;
        let dry = migrate(&database, ["down", "--dry-run", "-n", "3"]).expect_success();
        assert!(!drops_documents(&dry), "{begin}: {dry}");

        migrate(&database, ["down", "-n", "3"]).expect_success();
        migrate(&database, ["down"]).expect_success();

        assert_eq!(are_there(&database).await, (true, false), "{begin}");
        database.execute([end]).await;
    }
    migrate(&database, ["up"]).expect_success();
    migrate(&database, ["reset"]).expect_success();
    assert_eq!(are_there(&database).await, (false, false));
}

/// The row is inserted only after `down` has found none.
async fn down_keeps_a_documents_that_gets_a_row_meanwhile(database: Database) {
    migrate(&database, ["up"]).expect_success();
    migrate(&database, ["down", "-n", "2"]).expect_success();
    let writer = database.connect().await.begin().await.expect("a writer");
    let write = "INSERT INTO documents (id) VALUES (1)";
    writer.execute_unprepared(write).await.expect(write);

    let down = start(migration().args(["down", "-u", &database.url]));
    let waiting = match database.backend() {
        DbBackend::Postgres => {
            "SELECT pid::text FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%LOCK TABLE \"documents\"%'"
        }
        _ => {
            "SELECT CAST(id AS CHAR) FROM information_schema.processlist
             WHERE db = DATABASE() AND info LIKE 'LOCK TABLES `documents`%'"
        }
    };
    let db = database.connect().await;
    until("the wait for the writer", async || {
        !lines(&db, waiting).await.is_empty()
    })
    .await;
    writer.commit().await.expect("it commits");

    end_of(down);
    assert_eq!(
        lines(&db, "SELECT concat('', id) FROM documents").await,
        ["1"]
    );
}

async fn down_keeps_a_documents_that_the_application_has_made(database: Database) {
    let number = match database.backend() {
        DbBackend::Postgres => "serial",
        _ => "integer NOT NULL",
    };
    database
        .execute([format!("CREATE TABLE documents (id {number} PRIMARY KEY)")])
        .await;
    for back in [&["down", "-n", "3"][..], &["reset"]] {
        migrate(&database, ["up"]).expect_success();

        migrate(&database, back).expect_success();

        assert_eq!(are_there(&database).await, (true, false));
    }
}

async fn refresh_and_fresh_do_not_lose_the_documents_that_was_made(database: Database) {
    migrate(&database, ["up"]).expect_success();
    for again in ["refresh", "fresh", "fresh"] {
        migrate_beside_an_application(&database, [again]).expect_success();

        assert_eq!(are_there(&database).await, (true, true), "{again}");
        migrate_beside_an_application(&database, ["check"]).expect_success();
    }
    migrate_beside_an_application(&database, ["reset"]).expect_success();
    assert_eq!(are_there(&database).await, (false, false));
}

/// The variable allows the drop of the application's table; it does not ask for one on which the
/// application could not start.
async fn fresh_replaces_no_documents_of_an_application(database: Database) {
    let application = "CREATE TABLE documents (id integer NOT NULL PRIMARY KEY, title varchar(9))";
    database.execute([application]).await;
    migrate_beside_an_application(&database, ["up"]).expect_success();
    let fresh = |more: &[&str]| {
        let mut fresh = migration_beside_an_application();
        fresh
            .env("DATABASE_URL", &database.url)
            .env("MIGRATION_FRESH_MAY_DROP_ALL_OF", name(&database))
            .arg("fresh");
        run(fresh.args(more))
    };

    let error = fresh(&[]).expect_error();

    assert!(error.contains("start that first"), "{error}");
    let db = database.connect().await;
    let kept = db.execute_unprepared("SELECT title FROM documents").await;
    kept.expect("it is kept");
    assert_eq!(are_there(&database).await, (true, true));
    fresh(&["--create-documents"]).expect_success();
    migrate_beside_an_application(&database, ["check"]).expect_success();
}

/// Returns whether a dry run shows that the table is dropped.
fn drops_documents(dry: &str) -> bool {
    ["DROP TABLE \"documents\"", "DROP TABLE `documents`"]
        .iter()
        .any(|drop| dry.contains(drop))
}
