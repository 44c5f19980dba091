//! A migrator that is killed or cut off at any point: nothing is recorded that is not done, the next run
//! completes, and every row is kept.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::Database,
    programs::{migrate, migration},
    proxy::{self, Cut, Ended, Lost},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    match backend {
        DbBackend::Sqlite => tests![
            up_on_an_empty_file_may_be_killed_at_any_instant,
            up_on_a_legacy_shape_may_be_killed_at_any_instant,
            repair_may_be_killed_at_any_instant,
            down_may_be_killed_at_any_instant,
        ],
        _ => tests![
            up_on_an_empty_database_may_be_killed_after_any_request,
            up_on_a_legacy_shape_may_be_killed_after_any_request,
            repair_may_be_killed_after_any_request,
            down_may_be_killed_after_any_request,
            up_on_an_empty_database_may_lose_any_answer,
            up_on_a_legacy_shape_may_lose_any_answer,
            repair_may_lose_any_answer,
            down_may_lose_any_answer,
        ],
    }
}

async fn up_on_an_empty_database_may_be_killed_after_any_request(database: Database) {
    Work::up_on_an_empty_database()
        .killed_after_any_request(&database)
        .await;
}

async fn up_on_a_legacy_shape_may_be_killed_after_any_request(database: Database) {
    Work::up_on_a_legacy_shape(&database)
        .killed_after_any_request(&database)
        .await;
}

async fn repair_may_be_killed_after_any_request(database: Database) {
    Work::repair(&database)
        .killed_after_any_request(&database)
        .await;
}

async fn down_may_be_killed_after_any_request(database: Database) {
    Work::down(&database)
        .killed_after_any_request(&database)
        .await;
}

async fn up_on_an_empty_database_may_lose_any_answer(database: Database) {
    Work::up_on_an_empty_database()
        .loses_any_answer(&database)
        .await;
}

async fn up_on_a_legacy_shape_may_lose_any_answer(database: Database) {
    Work::up_on_a_legacy_shape(&database)
        .loses_any_answer(&database)
        .await;
}

async fn repair_may_lose_any_answer(database: Database) {
    Work::repair(&database).loses_any_answer(&database).await;
}

async fn down_may_lose_any_answer(database: Database) {
    Work::down(&database).loses_any_answer(&database).await;
}

async fn up_on_an_empty_file_may_be_killed_at_any_instant(database: Database) {
    Work::up_on_an_empty_database()
        .killed_at_any_instant(&database)
        .await;
}

async fn up_on_a_legacy_shape_may_be_killed_at_any_instant(database: Database) {
    Work::up_on_a_legacy_shape(&database)
        .killed_at_any_instant(&database)
        .await;
}

async fn repair_may_be_killed_at_any_instant(database: Database) {
    Work::repair(&database)
        .killed_at_any_instant(&database)
        .await;
}

async fn down_may_be_killed_at_any_instant(database: Database) {
    Work::down(&database).killed_at_any_instant(&database).await;
}

/// What a migrator is in the middle of.
struct Work {
    name: &'static str,
    given: Vec<&'static str>,
    command: &'static [&'static str],
    ends: End,
}

#[derive(PartialEq)]
enum End {
    Up,
    /// Records are there from the beginning.
    Repaired,
    Down,
}

const RECORDS: &str = "
    CREATE TABLE seaql_migrations (version varchar(255) PRIMARY KEY, applied_at bigint NOT NULL);
    INSERT INTO seaql_migrations VALUES ('m20250524_000000_create_documents', 0);
    INSERT INTO seaql_migrations VALUES ('m20250524_120000_create_vectors', 0);";

/// What a rebuild takes some time for.
const MANY_ROWS: &str = "
    INSERT INTO vectors (id, doc_id, page, vector_ids)
    WITH RECURSIVE n (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n LIMIT 3000)
    SELECT n, 2, n, hex(randomblob(500)) FROM n;";

impl Work {
    fn up_on_an_empty_database() -> Self {
        Self {
            name: "up on an empty database",
            given: Vec::new(),
            command: &["up"],
            ends: End::Up,
        }
    }

    fn up_on_a_legacy_shape(database: &Database) -> Self {
        Self {
            name: "up on a legacy shape",
            given: legacy(database.backend()),
            command: &["up"],
            ends: End::Up,
        }
    }

    fn repair(database: &Database) -> Self {
        Self {
            name: "repair",
            given: [legacy(database.backend()), vec![RECORDS]].concat(),
            command: &["repair"],
            ends: End::Repaired,
        }
    }

    fn down(database: &Database) -> Self {
        let as_declared = match database.backend() {
            DbBackend::Postgres => include_str!("../../shapes/postgres/as_declared.sql"),
            DbBackend::MySql => include_str!("../../shapes/mysql/as_declared.sql"),
            _ => include_str!("../../shapes/sqlite/as_declared.sql"),
        };
        Self {
            name: "down",
            given: vec![as_declared, RECORDS],
            command: &["down", "--num", "2"],
            ends: End::Down,
        }
    }

    /// The server cannot tell whether a client that is killed has had the last answer.
    async fn killed_after_any_request(&self, database: &Database) {
        for passed in 0.. {
            let _point = Point(format!("{} killed after request {passed}", self.name));
            let before = self.begin(database).await;
            let cut = Cut {
                passed,
                lost: Lost::Request,
            };
            let ended = proxy::kill(self.command(), database, cut).await;
            if !ended.at_the_cut {
                self.print(database, passed, "kill points");
                break;
            }
            self.go_on(database, &before).await;
        }
    }

    async fn loses_any_answer(&self, database: &Database) {
        for passed in 1.. {
            let _point = Point(format!("{} without answer {passed}", self.name));
            let before = self.begin(database).await;
            let cut = Cut {
                passed,
                lost: Lost::Answer,
            };
            let Ended {
                at_the_cut,
                finished,
            } = proxy::disconnect(self.command(), database, cut).await;
            let finished = finished.expect("it was not killed");
            if finished.code != Some(0) {
                finished.expect_error();
            }
            if !at_the_cut {
                self.print(database, passed - 1, "lost answers");
                break;
            }
            self.go_on(database, &before).await;
        }
    }

    async fn killed_at_any_instant(&self, database: &Database) {
        const INSTANTS: u32 = 50;
        let before = self.begin(database).await;
        let file = database
            .url
            .trim_start_matches("sqlite://")
            .trim_end_matches("?mode=rwc");
        let given = format!("{file}.given");
        fs::copy(file, &given).expect("a copy");
        let started = Instant::now();
        self.run(database);
        let whole = started.elapsed();
        let mut killed = 0;
        for instant in 0..INSTANTS {
            let _point = Point(format!(
                "{} killed at {instant}/{INSTANTS} of {whole:?}",
                self.name
            ));
            fs::copy(&given, file).expect("a copy");
            let mut client = self
                .command()
                .env("DATABASE_URL", &database.url)
                .stdout(Stdio::null())
                .spawn()
                .expect("the client starts");
            thread::sleep(whole * instant / INSTANTS);
            client.kill().expect("the client is killed");
            if client.wait().expect("the client ends").code().is_none() {
                killed += 1;
            }
            self.go_on(database, &before).await;
        }
        self.print(database, killed, "kill points");
    }

    async fn begin(&self, database: &Database) -> Inventory {
        let name = &database.name;
        let anew = match database.backend() {
            DbBackend::Postgres => {
                vec!["DROP SCHEMA public CASCADE; CREATE SCHEMA public".to_owned()]
            }
            DbBackend::MySql => vec![format!(
                "DROP DATABASE {name}; CREATE DATABASE {name}; USE {name}"
            )],
            _ => Vec::new(),
        };
        let given = self.given.iter().map(|sql| (*sql).to_owned());
        database.execute(anew.into_iter().chain(given)).await;
        Inventory::of(database).await
    }

    fn command(&self) -> Command {
        let mut command = migration();
        command.args(self.command);
        command
    }

    fn run(&self, database: &Database) {
        migrate(database, self.command).expect_success();
    }

    /// After the crash.
    async fn go_on(&self, database: &Database, before: &Inventory) {
        if self.ends != End::Repaired {
            nothing_is_recorded_that_is_not_done(database, before).await;
        }
        self.run(database);
        if self.ends == End::Down {
            assert_eq!(records(database).await, [""; 0]);
            migrate(database, ["up"]).expect_success();
        }
        migrate(database, ["check"]).expect_success();
        let after = Inventory::of(database).await;
        if self.ends != End::Down {
            before.assert_kept_in(&after);
        }
        if database.backend() == DbBackend::Sqlite {
            let db = database.connect().await;
            assert_eq!(lines(&db, "PRAGMA integrity_check").await, ["ok"]);
        }
    }

    fn print(&self, database: &Database, tried: usize, points: &str) {
        println!(
            "{}: {}: {tried} {points} tried, {tried} survived",
            database.engine.name, self.name
        );
    }
}

fn legacy(backend: DbBackend) -> Vec<&'static str> {
    match backend {
        DbBackend::Postgres => vec![include_str!("../../shapes/postgres/four_differences.sql")],
        DbBackend::MySql => vec![include_str!("../../shapes/mysql/four_differences.sql")],
        _ => vec![
            include_str!("../../shapes/sqlite/all_but_the_names.sql"),
            MANY_ROWS,
        ],
    }
}

async fn nothing_is_recorded_that_is_not_done(database: &Database, before: &Inventory) {
    let records = records(database).await;
    if records.contains(&"m20250524_120000_create_vectors".to_owned()) {
        migrate(database, ["check"]).expect_success();
        before.assert_kept_in(&Inventory::of(database).await);
    } else if !records.is_empty() {
        database.execute(["SELECT id FROM documents"]).await;
    }
}

/// None where there is no table for them yet.
async fn records(database: &Database) -> Vec<String> {
    let db = database.connect().await;
    let versions = "SELECT version FROM seaql_migrations";
    let versions = Statement::from_string(database.backend(), versions);
    let rows = db.query_all_raw(versions).await.unwrap_or_default();
    rows.iter()
        .map(|row| row.try_get_by_index(0).expect("a version"))
        .collect()
}

/// Where a test was when it failed.
struct Point(String);

impl Drop for Point {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}:", self.0);
        }
    }
}
