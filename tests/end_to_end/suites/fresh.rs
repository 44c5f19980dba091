//! What `fresh` drops and what it keeps, and that a command that drops something reports it.

use sea_orm::{ConnectionTrait, DbBackend};
use tokio::task::block_in_place;

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::{Database, mariadb},
    programs::{migrate, migration, run},
};

const VARIABLE: &str = "MIGRATION_FRESH_MAY_DROP_ALL_OF";

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        fresh_keeps_tables_that_are_not_recorded_as_made,
        a_table_that_refers_to_vectors_keeps_it,
        fresh_drops_what_these_migrations_have_made,
        fresh_keeps_the_tables_and_views_of_others,
        fresh_keeps_the_documents_of_an_application,
        fresh_drops_all_where_the_variable_names_the_database,
        whoever_drops_the_table_says_how_many_rows_go,
    ];
    match backend {
        DbBackend::Postgres => tests.extend(tests![fresh_leaves_other_schemas_alone]),
        DbBackend::MySql => tests.extend(tests![
            fresh_knows_its_records_where_the_server_ignores_the_case_of_names
        ]),
        _ => {}
    }
    tests
}

const ROWS: [&str; 3] = [
    "INSERT INTO documents (id) VALUES (1)",
    "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[]')",
    "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 2, '[]')",
];

async fn fresh_drops_what_these_migrations_have_made(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute(ROWS).await;

    let said = migrate(&database, ["fresh"]).expect_success();

    let list = "drops, with all their rows: documents, seaql_migrations, vectors";
    assert!(said.contains(list), "{said}");
    let db = database.connect().await;
    let count = "SELECT concat('', count(*)) FROM documents";
    assert_eq!(lines(&db, count).await, ["0"]);
    migrate(&database, ["check"]).expect_success();
}

async fn is_refused(database: &Database, others: &str) {
    let before = Inventory::of(database).await;
    let elsewhere = [None, Some("another_database"), Some("")];
    for value in elsewhere {
        let mut fresh = migration();
        fresh.arg("fresh").env("DATABASE_URL", &database.url);
        fresh.envs(value.map(|value| (VARIABLE, value)));

        let error = run(&mut fresh).expect_error();

        assert!(error.contains(others), "{error}");
        assert!(error.contains(VARIABLE), "{error}");
        assert_eq!(Inventory::of(database).await, before);
    }
}

async fn fresh_keeps_the_tables_and_views_of_others(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute(ROWS).await;
    database
        .execute([
            "CREATE TABLE users (id integer PRIMARY KEY)",
            "CREATE VIEW pages AS SELECT doc_id, page FROM vectors",
        ])
        .await;

    is_refused(&database, "pages, users").await;
}

async fn fresh_keeps_the_documents_of_an_application(database: Database) {
    database
        .execute([
            "CREATE TABLE documents (id integer NOT NULL PRIMARY KEY, title varchar(100))",
            "INSERT INTO documents (id, title) VALUES (1, 'kept')",
        ])
        .await;
    migrate(&database, ["up"]).expect_success();

    is_refused(&database, "documents").await;
}

async fn fresh_drops_all_where_the_variable_names_the_database(database: Database) {
    database
        .execute([
            "CREATE TABLE users (id integer PRIMARY KEY)",
            "CREATE TABLE orders (id integer PRIMARY KEY, user_id integer,
                 FOREIGN KEY (user_id) REFERENCES users (id))",
            "CREATE VIEW names AS SELECT id FROM users",
            "CREATE VIEW more_names AS SELECT id FROM names",
        ])
        .await;
    // The error contains the name of the database.
    let error = migrate(&database, ["fresh"]).expect_error();
    let (_, rest) = error
        .split_once(&format!("{VARIABLE}=\""))
        .expect("its name");
    let (name, _) = rest.split_once('"').expect("its end");
    let mut fresh = migration();
    fresh.arg("fresh").env("DATABASE_URL", &database.url);

    run(fresh.env(VARIABLE, name)).expect_success();

    let db = database.connect().await;
    for gone in ["users", "orders", "names", "more_names"] {
        let select = format!("SELECT * FROM {gone}");
        assert!(db.execute_unprepared(&select).await.is_err(), "{gone}");
    }
    migrate(&database, ["check"]).expect_success();
}

async fn whoever_drops_the_table_says_how_many_rows_go(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute(ROWS).await;
    for command in [&["down", "-n", "2"][..], &["refresh"], &["reset"]] {
        let said = migrate(&database, command).expect_success();

        let drops = said.find("drops the table vectors with its 2 rows");
        let dropped = said.find("create_vectors' has been rolled back");
        assert!(drops.is_some() && drops < dropped, "{command:?}: {said}");
        migrate(&database, ["up"]).expect_success();
        database.execute(&ROWS[1..]).await;
    }
}

/// An object of another schema that depends on our tables prevents their drop; other objects do
/// not.
async fn fresh_leaves_other_schemas_alone(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute(ROWS).await;
    let hanging = [
        (
            "CREATE VIEW others.pages AS SELECT doc_id FROM public.vectors",
            "DROP VIEW others.pages",
        ),
        (
            "CREATE MATERIALIZED VIEW others.stats AS SELECT count(*) FROM public.vectors",
            "DROP MATERIALIZED VIEW others.stats",
        ),
        (
            "CREATE TABLE others.notes (id integer, doc_id integer REFERENCES public.documents (id))",
            "DROP TABLE others.notes",
        ),
    ];
    database.execute(["CREATE SCHEMA others"]).await;
    for (make, drop) in hanging {
        database.execute([make]).await;
        let before = Inventory::of(&database).await;

        let error = migrate(&database, ["fresh"]).expect_error();

        assert!(error.contains("depend"), "{error}");
        assert_eq!(Inventory::of(&database).await, before);
        database.execute([drop]).await;
    }
    database
        .execute([
            "CREATE TYPE mood AS ENUM ('sad', 'ok')",
            "DROP SCHEMA others",
        ])
        .await;
    database
        .execute([
            "CREATE SCHEMA others",
            "CREATE TABLE others.users (id integer PRIMARY KEY, feels mood)",
        ])
        .await;

    migrate(&database, ["fresh"]).expect_success();

    let db = database.connect().await;
    let kept = db
        .execute_unprepared("SELECT feels FROM others.users")
        .await;
    kept.expect("it is kept");
}

async fn fresh_knows_its_records_where_the_server_ignores_the_case_of_names(database: Database) {
    let ignoring = ["--lower-case-table-names=1"];
    let server = block_in_place(|| mariadb::start_with(&ignoring)).expect("a server");
    let there = server.create_database(database.engine).await;
    let there = there.expect("a database");
    let named = |command| migrate(&there, ["--migration-table", "Records", command]);
    named("up").expect_success();

    named("fresh").expect_success();

    let status = named("status").expect_success();
    assert!(!status.contains("pending"), "{status}");
}

/// The names of tables alone do not count.
async fn fresh_keeps_tables_that_are_not_recorded_as_made(database: Database) {
    for (name, make, row) in [
        (
            "vectors",
            "CREATE TABLE vectors (x integer, y integer)",
            "INSERT INTO vectors VALUES (1, 2)",
        ),
        (
            "documents",
            "CREATE TABLE documents (id integer NOT NULL PRIMARY KEY)",
            "INSERT INTO documents VALUES (1)",
        ),
    ] {
        database.execute([make, row]).await;
        is_refused(&database, name).await;
        database.execute([format!("DROP TABLE {name}")]).await;
    }
    migrate(&database, ["up"]).expect_success();
    database
        .execute([
            "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m2021_of_another_application', 1)",
        ])
        .await;
    let before = Inventory::of(&database).await;
    let error = migrate(&database, ["fresh"]).expect_error();
    assert!(error.contains("m2021_of_another_application"), "{error}");
    assert_eq!(Inventory::of(&database).await, before);
}

async fn a_table_that_refers_to_vectors_keeps_it(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute(ROWS).await;
    database
        .execute([
            "CREATE TABLE notes (id integer PRIMARY KEY, vector_id integer,
                 FOREIGN KEY (vector_id) REFERENCES vectors (id) ON DELETE CASCADE)",
            "INSERT INTO notes (id, vector_id) SELECT 1, id FROM vectors WHERE page = 1",
        ])
        .await;
    for command in [&["down", "-n", "2"][..], &["refresh"], &["reset"]] {
        migrate(&database, command).expect_error();
        let db = database.connect().await;
        let rows = lines(&db, "SELECT concat('', id) FROM notes").await;
        assert_eq!(rows, ["1"], "{command:?}");
        assert_eq!(lines(&db, "SELECT vector_ids FROM vectors").await.len(), 2);
        migrate(&database, ["up"]).expect_success();
    }
}
