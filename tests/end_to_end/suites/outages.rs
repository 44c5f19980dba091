//! The server goes away in the middle: one sentence, and the next run continues where it ended.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, TransactionTrait};

use super::{Test, shape::lines};
use crate::{
    conditions::until,
    engines::{Database, Server},
    programs::{Running, migrate, migration},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = match backend {
        DbBackend::Sqlite => return Vec::new(),
        _ => tests![
            a_server_that_is_killed_during_up,
            a_server_that_is_killed_during_a_long_repair,
        ],
    };
    if backend == DbBackend::Postgres {
        tests.extend(tests![
            a_turn_that_the_server_ends_is_not_recorded,
            an_index_that_the_server_goes_on_with_is_waited_for,
        ]);
    }
    tests
}

async fn a_server_that_is_killed_during_up(shared: Database) {
    let (mut server, database) = server_of_its_own(&shared).await;
    database.execute([legacy(&database)]).await;
    let before = rows(&database).await;
    let reader = database.connect().await;
    let reading = read(&reader).await;
    let mut up = start(&database, "up");
    up.wait_until_it_says("ALTER TABLE");

    server.kill().expect("it is killed");

    up.finished().expect_error();
    drop(reading);
    let error = migrate(&database, ["up"]).expect_error();
    assert!(error.contains("cannot be reached"), "{error}");
    server.start_again().expect("it starts");
    let early = migrate(&database, ["up"]);
    if early.code != Some(0) {
        early.expect_error();
    }
    server.wait().expect("it answers");
    completes(&database, "up", &before).await;
}

async fn a_server_that_is_killed_during_a_long_repair(shared: Database) {
    let (mut server, database) = server_of_its_own(&shared).await;
    migrate(&database, ["up"]).expect_success();
    let (damage, is_at_work) = match database.backend() {
        DbBackend::Postgres => (
            "ALTER TABLE vectors ALTER page TYPE smallint;
             INSERT INTO documents DEFAULT VALUES;
             INSERT INTO vectors (doc_id, page, vector_ids) SELECT 1, n % 1000, n FROM generate_series(1, 300000) n",
            "SELECT query FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE \"vectors\"%' AND state = 'active'",
        ),
        _ => (
            "ALTER TABLE vectors MODIFY page smallint NOT NULL;
             INSERT INTO documents VALUES ();
             INSERT INTO vectors (doc_id, page, vector_ids) SELECT 1, seq % 1000, seq FROM seq_1_to_200000",
            "SELECT cast(info AS char) FROM information_schema.processlist WHERE state LIKE 'copy to tmp table'",
        ),
    };
    database.execute([damage]).await;
    let before = rows(&database).await;
    let observer = database.connect().await;
    let repair = start(&database, "repair");
    until("the repair's work", async || {
        !lines(&observer, is_at_work).await.is_empty()
    })
    .await;

    server.kill().expect("it is killed");

    repair.finished().expect_error();
    server.start_again().expect("it starts");
    server.wait().expect("it answers");
    completes(&database, "repair", &before).await;
}

/// The holder of the lock has lost it, and another session may have acquired it.
async fn a_turn_that_the_server_ends_is_not_recorded(database: Database) {
    database.execute([legacy(&database)]).await;
    let before = rows(&database).await;
    let reader = database.connect().await;
    let reading = read(&reader).await;
    let mut up = start(&database, "up");
    up.wait_until_it_says("ALTER TABLE");

    let end = "SELECT pg_terminate_backend(pid)::text FROM pg_locks
               WHERE locktype = 'advisory' AND granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(lines(&database.connect().await, end).await, ["true"]);
    reading.rollback().await.expect("it ends");

    up.finished().expect_error();
    let recorded = "SELECT version FROM seaql_migrations WHERE version LIKE '%vectors'";
    assert_eq!(lines(&reader, recorded).await, [""; 0]);
    completes(&database, "up", &before).await;
}

/// The index is one that a killed client has asked for.
async fn an_index_that_the_server_goes_on_with_is_waited_for(database: Database) {
    database
        .execute([include_str!("../../shapes/postgres/no_index.sql")])
        .await;
    let before = rows(&database).await;
    let db = database.connect().await;
    // CREATE INDEX CONCURRENTLY waits for a session that has written to the table.
    let writer = db.begin().await.expect("a transaction");
    let write = "UPDATE vectors SET page = page";
    writer.execute_unprepared(write).await.expect(write);
    let up = start(&database, "up");
    let builds = "SELECT query FROM pg_stat_activity
                  WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'
                    AND datname = current_database()";
    until("the building of the index", async || {
        !lines(&db, builds).await.is_empty()
    })
    .await;
    up.kill();

    let mut next = start(&database, "up");
    next.wait_until_it_says("gave way");
    writer.rollback().await.expect("it ends");

    next.finished().expect_success();
    completes(&database, "up", &before).await;
}

/// Starts a server that no other test uses.
async fn server_of_its_own(shared: &Database) -> (Server, Database) {
    let server = shared.engine.start().expect("a server");
    let database = server
        .create_database(shared.engine)
        .await
        .expect("a database");
    (server, database)
}

fn legacy(database: &Database) -> &'static str {
    match database.backend() {
        DbBackend::Postgres => include_str!("../../shapes/postgres/four_differences.sql"),
        _ => include_str!("../../shapes/mysql/four_differences.sql"),
    }
}

/// Begins a transaction that blocks every session that wants to change the table.
async fn read(db: &DatabaseConnection) -> sea_orm::DatabaseTransaction {
    let reading = db.begin().await.expect("a transaction");
    let read = "SELECT count(*) FROM vectors";
    reading.execute_unprepared(read).await.expect(read);
    reading
}

fn start(database: &Database, command: &str) -> Running {
    Running::start(migration().args([command, "-u", &database.url]))
}

async fn completes(database: &Database, command: &str, before: &[String]) {
    migrate(database, [command]).expect_success();
    migrate(database, ["check"]).expect_success();
    assert_eq!(rows(database).await, before);
}

/// Returns a sum, because there may be many rows.
async fn rows(database: &Database) -> Vec<String> {
    let sum = "SELECT concat_ws(' ', count(*), sum(id), sum(doc_id), sum(page), sum(length(vector_ids))) FROM vectors";
    lines(&database.connect().await, sum).await
}
