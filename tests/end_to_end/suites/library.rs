//! The migration crate as a service calls it, on either runtime.

use std::sync::{Arc, Mutex};

use entity::prelude::*;
use migration::{Migrator, MigratorTrait};
use sea_orm::{DbBackend, EntityTrait};

use super::Test;
use crate::engines::Database;

pub fn tests() -> Vec<Test> {
    tests![
        a_tokio_service_migrates,
        an_async_std_service_migrates,
        a_service_that_starts_with_nothing_to_do_asks_little_and_takes_no_lock,
    ]
}

/// The table that the application has created.
const DOCUMENTS: &str =
    "CREATE TABLE documents (id integer NOT NULL PRIMARY KEY, title varchar(9))";

async fn a_tokio_service_migrates(database: Database) {
    tokio::runtime::Handle::try_current().expect("tests run on tokio");

    migrate_twice(&database).await;
}

/// Asks for the records and for the state of the tables, which on PostgreSQL one statement returns
/// for all of them.
async fn a_service_that_starts_with_nothing_to_do_asks_little_and_takes_no_lock(
    database: Database,
) {
    let mut db = database.connect().await;
    database.execute([DOCUMENTS]).await;
    Migrator::up(&db, None).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let listened = Arc::clone(&asked);
    db.set_metric_callback(move |info| {
        let asked = listened.lock();
        asked.unwrap().push(info.statement.sql.clone());
    });

    Migrator::up(&db, None).await.unwrap();

    let asked = asked.lock().unwrap();
    println!("{database}: a no-op up asks {} statements", asked.len());
    let most = match database.backend() {
        DbBackend::Postgres => 2,
        DbBackend::MySql => 26,
        _ => 28,
    };
    assert!(asked.len() <= most, "{}: {asked:?}", asked.len());
    // SeaORM does not report what it does not prepare: on PostgreSQL the query after the records.
    let is_told = database.backend() != DbBackend::Postgres;
    let asks_after_records = |sql: &String| sql.contains("seaql_migrations");
    assert_eq!(asked.iter().any(asks_after_records), is_told, "{asked:?}");
    let writes = |sql: &&String| {
        let locks = ["advisory", "GET_LOCK", "IMMEDIATE"];
        let changes = ["INSERT", "CREATE", "UPDATE", "DELETE"];
        locks.iter().any(|word| sql.contains(word))
            || changes
                .iter()
                .any(|word| sql.trim_start().starts_with(word))
    };
    assert_eq!(asked.iter().find(writes), None);
}

async fn an_async_std_service_migrates(database: Database) {
    // A thread of its own, because sqlx uses tokio wherever it finds one.
    let service = std::thread::spawn(move || {
        async_std::task::block_on(async {
            tokio::runtime::Handle::try_current().expect_err("no tokio here");
            migrate_twice(&database).await;
        });
    });
    service.join().expect("the service migrates");
}

async fn migrate_twice(database: &Database) {
    let db = database.connect().await;
    database.execute([DOCUMENTS]).await;
    Migrator::up(&db, None).await.expect("documents is there");
    Migrator::up(&db, None)
        .await
        .expect("nothing is left to do");
    let rows = Vectors::find().all(&db).await.expect("the table exists");
    assert!(rows.is_empty());
}
