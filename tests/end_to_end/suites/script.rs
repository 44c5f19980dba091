//! `sql`: the scripts for a user who applies them by hand, applied with the databases' own clients.

use std::process::Command;

use sea_orm::{ConnectionTrait, DbBackend};

use super::{Test, shape::lines};
use crate::{
    engines::Database,
    programs::{
        client, is_applied, migrate, migrate_beside_an_application, migration,
        migration_beside_an_application, run,
    },
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        an_applied_script_is_what_up_would_have_done,
        a_script_applied_twice_changes_nothing,
        a_script_goes_on_where_up_has_stopped,
        a_table_that_no_migration_has_made_stops_the_script,
        the_script_of_down_takes_back_what_up_has_done,
        the_script_of_down_does_nothing_where_nothing_is_recorded,
        a_script_stops_where_up_would_refuse,
        a_script_makes_no_documents_beside_what_has_lost_it,
    ];
    if backend == DbBackend::Postgres {
        tests.extend(tests![a_script_works_in_the_schema_that_is_named]);
    }
    tests
}

/// Returns a script. The command needs no database, and gets none.
pub(super) fn script(database: &Database, arguments: &[&str]) -> String {
    print(database, &mut migration(), arguments)
}

fn script_beside_an_application(database: &Database) -> String {
    print(database, &mut migration_beside_an_application(), &[])
}

fn print(database: &Database, migration: &mut Command, arguments: &[&str]) -> String {
    let backend = match database.backend() {
        DbBackend::Postgres => "postgres",
        DbBackend::MySql => "mysql",
        _ => "sqlite",
    };
    migration.args(["sql", "--backend", backend]);
    run(migration.args(arguments)).expect_success()
}

async fn an_applied_script_is_what_up_would_have_done(database: Database) {
    client(&database, &script(&database, &[])).expect_success();

    for name in ["create_documents", "create_vectors", "store_vector_ids"] {
        assert!(is_applied(&database, name), "{name}");
    }
    migrate(&database, ["check"]).expect_success();
    let up = migrate(&database, ["up"]).expect_success();
    assert!(up.contains("No pending migrations"), "{up}");
    migrate(&database, ["down", "-n", "3"]).expect_success();
}

const RECORDS: &str =
    "SELECT concat(version, ' ', applied_at) FROM seaql_migrations ORDER BY version";

async fn a_script_applied_twice_changes_nothing(database: Database) {
    let up = script(&database, &["up"]);
    client(&database, &up).expect_success();
    database
        .execute([
            "INSERT INTO documents (id) VALUES (1)",
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[\"a\"]')",
            "UPDATE seaql_migrations SET applied_at = 1",
        ])
        .await;
    let db = database.connect().await;
    let before = lines(&db, RECORDS).await;

    client(&database, &up).expect_success();

    assert_eq!(lines(&db, RECORDS).await, before);
    let ids = "SELECT vector_ids FROM vectors";
    assert_eq!(lines(&db, ids).await, ["[\"a\"]"]);
}

async fn a_script_goes_on_where_up_has_stopped(database: Database) {
    for done in ["1", "2"] {
        migrate(&database, ["up", "-n", done]).expect_success();

        client(&database, &script(&database, &[])).expect_success();

        migrate(&database, ["check"]).expect_success();
        assert!(is_applied(&database, "store_vector_ids"));
        migrate(&database, ["reset"]).expect_success();
    }
}

async fn a_table_that_no_migration_has_made_stops_the_script(database: Database) {
    database
        .execute([
            "CREATE TABLE documents (id integer PRIMARY KEY)",
            "CREATE TABLE vectors (id integer PRIMARY KEY, doc_id integer, page integer, vector_ids text)",
            "INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '[]')",
        ])
        .await;
    let before = super::inventory::Inventory::of(&database).await;

    let finished = client(&database, &script(&database, &["up"]));

    assert_ne!(finished.code, Some(0), "{finished:?}");
    let reason = "vectors is there, but not recorded";
    assert!(finished.stderr.contains(reason), "{}", finished.stderr);

    before.assert_kept_in(&super::inventory::Inventory::of(&database).await);
    assert!(!is_applied(&database, "create_vectors"));
}

async fn the_script_of_down_takes_back_what_up_has_done(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database
        .execute(["INSERT INTO documents (id) VALUES (7)"])
        .await;

    client(&database, &script(&database, &["down"])).expect_success();

    assert!(!is_applied(&database, "store_vector_ids"));
    assert!(is_applied(&database, "create_vectors"));

    let all = script(&database, &["down", "-n", "3"]);
    client(&database, &all).expect_success();
    client(&database, &all).expect_success();

    assert!(!is_applied(&database, "create_documents"));
    let db = database.connect().await;
    let gone = db.execute_unprepared("SELECT * FROM vectors").await;
    assert!(gone.is_err());
    let documents = "SELECT concat('', id) FROM documents";
    assert_eq!(lines(&db, documents).await, ["7"]);
    client(&database, &script(&database, &["up"])).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn the_script_of_down_does_nothing_where_nothing_is_recorded(database: Database) {
    let all = script(&database, &["down", "-n", "3"]);
    client(&database, &all).expect_success();
    migrate(&database, ["up"]).expect_success();
    migrate(&database, ["reset"]).expect_success();

    client(&database, &all).expect_success();

    assert!(!is_applied(&database, "create_documents"));
}

/// What is created, how it is removed again, and why the script stops.
type Stop = (
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

const STOPS: [Stop; 5] = [
    (
        &["CREATE TABLE app (id integer)"],
        &["DROP TABLE app"],
        "there is no table documents",
    ),
    (
        &["CREATE TABLE documents (id varchar(36) NOT NULL PRIMARY KEY)"],
        &["DROP TABLE documents"],
        "documents.id is not a 32-bit integer",
    ),
    (
        &[
            "CREATE TABLE documents (id integer NOT NULL, tenant integer NOT NULL, PRIMARY KEY (id, tenant))",
        ],
        &["DROP TABLE documents"],
        "documents.id alone is no key",
    ),
    (
        &[
            "CREATE TABLE app (id integer)",
            "CREATE VIEW documents AS SELECT id FROM app",
        ],
        &["DROP VIEW documents", "DROP TABLE app"],
        "no foreign key can refer to documents",
    ),
    (
        &["INSERT INTO seaql_migrations (version, applied_at) VALUES ('m2099_later', 1)"],
        &["DELETE FROM seaql_migrations"],
        "a later release or another migrator was here",
    ),
];

const OF_POSTGRES: [Stop; 4] = [
    (
        &["CREATE UNLOGGED TABLE documents (id integer PRIMARY KEY)"],
        &["DROP TABLE documents"],
        "no foreign key can refer to documents",
    ),
    (
        &[
            "CREATE TABLE documents (id integer PRIMARY KEY)",
            "CREATE TABLE heirs () INHERITS (documents)",
        ],
        &["DROP TABLE documents CASCADE"],
        "no foreign key can refer to documents",
    ),
    (
        &[
            "CREATE DOMAIN number AS integer",
            "CREATE TABLE documents (id number PRIMARY KEY)",
        ],
        &["DROP TABLE documents", "DROP DOMAIN number"],
        "documents.id is not a 32-bit integer",
    ),
    (
        &["CREATE TABLE documents (id integer UNIQUE DEFERRABLE)"],
        &["DROP TABLE documents"],
        "documents.id alone is no key",
    ),
];

const OF_MARIADB: [Stop; 4] = [
    (
        &["CREATE TABLE Documents (id int PRIMARY KEY)"],
        &["DROP TABLE Documents"],
        "there is no table documents",
    ),
    (
        &[
            "CREATE TABLE Documents (id int PRIMARY KEY)",
            "CREATE TABLE documents (id int NOT NULL, tenant int NOT NULL, PRIMARY KEY (id, tenant))",
        ],
        &["DROP TABLE Documents, documents"],
        "documents.id alone is no key",
    ),
    (
        &["CREATE TABLE documents (id int PRIMARY KEY) ENGINE = MyISAM"],
        &["DROP TABLE documents"],
        "no foreign key can refer to documents",
    ),
    (
        &["CREATE TABLE documents (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2"],
        &["DROP TABLE documents"],
        "no foreign key can refer to documents",
    ),
];

const OF_SQLITE: [Stop; 2] = [
    (
        &[
            "CREATE TABLE documents (id integer)",
            "CREATE UNIQUE INDEX some ON documents (id) WHERE id > 0",
        ],
        &["DROP TABLE documents"],
        "documents.id alone is no key",
    ),
    (
        &["CREATE TABLE documents (id SERIAL PRIMARY KEY)"],
        &["DROP TABLE documents"],
        "documents.id is not a 32-bit integer",
    ),
];

async fn a_script_stops_where_up_would_refuse(database: Database) {
    client(&database, &script(&database, &["down", "-n", "3"])).expect_success();
    let own: &[Stop] = match database.backend() {
        DbBackend::Postgres => &OF_POSTGRES,
        DbBackend::MySql => &OF_MARIADB,
        _ => &OF_SQLITE,
    };
    for (make, undo, reason) in STOPS.iter().chain(own) {
        database.execute(make.iter().copied()).await;
        let before = super::inventory::Inventory::of(&database).await;

        let finished = client(&database, &script_beside_an_application(&database));

        assert_ne!(finished.code, Some(0), "{finished:?}");
        assert!(
            finished.stderr.contains(reason),
            "{reason}: {}",
            finished.stderr
        );
        assert_eq!(
            super::inventory::Inventory::of(&database).await,
            before,
            "{reason}"
        );
        migrate_beside_an_application(&database, ["up"]).expect_error();
        database.execute(undo.iter().copied()).await;
    }
    client(&database, &script(&database, &["up"])).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn a_script_makes_no_documents_beside_what_has_lost_it(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let (off, cascade) = match database.backend() {
        DbBackend::Postgres => ("SELECT 1", " CASCADE"),
        DbBackend::MySql => ("SET foreign_key_checks = 0", ""),
        _ => ("PRAGMA foreign_keys = OFF", ""),
    };
    let lose = format!("DROP TABLE documents{cascade}");
    database.execute([off, &lose]).await;
    for forget in ["SELECT 1", "DELETE FROM seaql_migrations"] {
        database.execute([forget]).await;

        let finished = client(&database, &script(&database, &["up"]));

        assert_ne!(finished.code, Some(0), "{finished:?}");
        let reason = "documents has been there and is gone";
        assert!(finished.stderr.contains(reason), "{}", finished.stderr);
        let db = database.connect().await;
        let made = db.execute_unprepared("SELECT * FROM documents").await;
        assert!(made.is_err(), "{forget}");
    }
}

async fn a_script_works_in_the_schema_that_is_named(database: Database) {
    database.execute(["CREATE SCHEMA \"of the app\""]).await;

    client(&database, &script(&database, &["-s", "of the app"])).expect_success();

    migrate(&database, ["check", "-s", "of the app"]).expect_success();
    let check = migrate(&database, ["check"]);
    assert!(
        check.stdout.contains("there is no table vectors"),
        "{check:?}"
    );
}
