//! A migrator that is killed, or cut off, at any point: nothing is recorded that is not done, the next
//! run completes, and every row is kept.

use std::process::Command;

use sea_orm::DbBackend;

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::Database,
    programs::{migrate, migration},
    proxy::{self, Cut, Lost},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    match backend {
        DbBackend::Postgres | DbBackend::MySql => tests![
            up_on_an_empty_database_may_be_killed_after_any_message,
            up_on_a_legacy_shape_may_be_killed_after_any_message,
            repair_may_be_killed_after_any_message,
            down_may_be_killed_after_any_message,
        ],
        _ => Vec::new(),
    }
}

/// What a migrator is in the middle of when it crashes.
struct Work {
    name: &'static str,
    given: String,
    command: &'static [&'static str],
}

const RECORDS: &str = "
    CREATE TABLE seaql_migrations (version varchar(255) PRIMARY KEY, applied_at bigint NOT NULL);
    INSERT INTO seaql_migrations VALUES ('m20250524_000000_create_documents', 0), ('m20250524_120000_create_vectors', 0);";

fn up_on_an_empty_database() -> Work {
    Work {
        name: "up on an empty database",
        given: String::new(),
        command: &["up"],
    }
}

fn up_on_a_legacy_shape(backend: DbBackend) -> Work {
    Work {
        name: "up on a legacy shape",
        given: all_but_the_names(backend).to_owned(),
        command: &["up"],
    }
}

fn repair(backend: DbBackend) -> Work {
    Work {
        name: "repair",
        given: format!("{}{RECORDS}", all_but_the_names(backend)),
        command: &["repair"],
    }
}

fn down(backend: DbBackend) -> Work {
    Work {
        name: "down",
        given: format!("{}{RECORDS}", as_declared(backend)),
        command: &["down", "--num", "2"],
    }
}

fn all_but_the_names(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => include_str!("../../shapes/postgres/all_but_the_names.sql"),
        DbBackend::MySql => include_str!("../../shapes/mysql/all_but_the_names.sql"),
        _ => include_str!("../../shapes/sqlite/all_but_the_names.sql"),
    }
}

fn as_declared(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => include_str!("../../shapes/postgres/as_declared.sql"),
        DbBackend::MySql => include_str!("../../shapes/mysql/as_declared.sql"),
        _ => include_str!("../../shapes/sqlite/as_declared.sql"),
    }
}

async fn up_on_an_empty_database_may_be_killed_after_any_message(database: Database) {
    killed_after_any_message(&database, up_on_an_empty_database()).await;
}

async fn up_on_a_legacy_shape_may_be_killed_after_any_message(database: Database) {
    killed_after_any_message(&database, up_on_a_legacy_shape(database.backend())).await;
}

async fn repair_may_be_killed_after_any_message(database: Database) {
    killed_after_any_message(&database, repair(database.backend())).await;
}

async fn down_may_be_killed_after_any_message(database: Database) {
    killed_after_any_message(&database, down(database.backend())).await;
}

async fn killed_after_any_message(database: &Database, work: Work) {
    let mut tried = 0;
    for passed in 0.. {
        let before = work.begin(database).await;
        let cut = Cut {
            passed,
            lost: Lost::Request,
        };
        let t = std::time::Instant::now();
        if let Some(finished) = proxy::kill(work.command(), database, cut).await {
            finished.expect_success();
            break;
        }
        let _ = (&before, t, lines);
        tried += 1;
        if passed % 20 == 0 {
            println!("{passed} {:?}", t.elapsed());
        }
    }
    println!(
        "{}: {}: {tried} kill points tried, {tried} survived",
        database.engine.name, work.name
    );
}

impl Work {
    async fn begin(&self, database: &Database) -> Inventory {
        let name = &database.name;
        let anew = match database.backend() {
            DbBackend::Postgres => "DROP SCHEMA public CASCADE; CREATE SCHEMA public".to_owned(),
            _ => format!("DROP DATABASE {name}; CREATE DATABASE {name}; USE {name}"),
        };
        database.execute([&anew, &self.given]).await;
        Inventory::of(database).await
    }

    fn command(&self) -> Command {
        let mut command = migration();
        command.args(self.command);
        command
    }
}
