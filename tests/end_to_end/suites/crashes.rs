//! A migrator that is killed or cut off at any point: nothing is recorded that is not done, the next run
//! completes, and every row is kept.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use migration::{Migrator, MigratorTrait, Orphans};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::{Database, Engine},
    programs::{self, migrate},
    proxy::{self, Cut, Lost},
};

pub fn tests(engine: Engine) -> Vec<Test> {
    match (engine.backend, engine.name) {
        (DbBackend::Sqlite, _) => tests![
            up_on_an_empty_file_may_be_killed_at_any_instant,
            up_on_a_legacy_shape_may_be_killed_at_any_instant,
            repair_may_be_killed_at_any_instant,
            down_may_be_killed_at_any_instant,
        ],
        // Thousands of points take minutes, and both versions are asked the same.
        (_, "postgres18") => tests![
            down_may_be_killed_after_any_request,
            down_may_lose_any_answer,
        ],
        _ => tests![
            up_on_an_empty_database_may_be_killed_after_any_request,
            up_on_a_legacy_shape_may_be_killed_after_any_request,
            repair_may_be_killed_after_any_request,
            down_may_be_killed_after_any_request,
            up_on_an_empty_database_may_lose_any_answer,
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
    INSERT INTO seaql_migrations VALUES ('m20250524_120000_create_vectors', 0);
    INSERT INTO seaql_migrations VALUES ('m20261123_000000_store_vector_ids', 0);";

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
        let damaged = match database.backend() {
            DbBackend::Postgres => vec![
                as_declared(DbBackend::Postgres),
                "ALTER TABLE vectors DROP CONSTRAINT vectors_doc_id_fkey; DROP INDEX ix_vectors_doc_id;",
            ],
            DbBackend::MySql => vec![
                as_declared(DbBackend::MySql),
                "ALTER TABLE vectors DROP FOREIGN KEY fk, DROP INDEX ix_vectors_doc_id;",
            ],
            sqlite => legacy(sqlite),
        };
        Self {
            name: "repair",
            given: [damaged, vec![RECORDS]].concat(),
            command: &["repair"],
            ends: End::Repaired,
        }
    }

    fn down(database: &Database) -> Self {
        Self {
            name: "down",
            given: vec![as_declared(database.backend()), RECORDS],
            command: &["down", "--num", "3"],
            ends: End::Down,
        }
    }

    /// The server cannot tell whether a client that is killed has had the last answer.
    async fn killed_after_any_request(&self, database: &Database) {
        let db = database.connect().await;
        for passed in 0.. {
            let _point = Point(format!("{} killed after request {passed}", self.name));
            let before = self.begin(&database.name, &db).await;
            let lost = Lost::Request;
            let ended = proxy::kill(self.command(), database, Cut { passed, lost }).await;
            if !ended.at_the_cut {
                return self.print(database, passed, "kill points");
            }
            self.go_on(&db, &before).await;
        }
    }

    async fn loses_any_answer(&self, database: &Database) {
        let db = database.connect().await;
        for passed in 1.. {
            let _point = Point(format!("{} without answer {passed}", self.name));
            let before = self.begin(&database.name, &db).await;
            let lost = Lost::Answer;
            let ended = proxy::disconnect(self.command(), database, Cut { passed, lost }).await;
            let finished = ended.finished.expect("nobody killed it");
            if finished.code != Some(0) {
                finished.expect_error();
            }
            if !ended.at_the_cut {
                return self.print(database, passed - 1, "lost answers");
            }
            self.go_on(&db, &before).await;
        }
    }

    async fn killed_at_any_instant(&self, database: &Database) {
        const INSTANTS: u32 = 50;
        let db = database.connect().await;
        let before = self.begin(&database.name, &db).await;
        db.close().await.expect("it closes");
        let (_, file) = database.url.split_once("://").expect("a URL");
        let file = file.replace("?mode=rwc", "");
        let given = format!("{file}.given");
        fs::copy(&file, &given).expect("a copy");
        let started = Instant::now();
        migrate(database, self.command).expect_success();
        let whole = started.elapsed();
        for instant in 0..INSTANTS {
            let _point = Point(format!(
                "{} killed after {instant}/{INSTANTS} of {whole:?}",
                self.name
            ));
            fs::copy(&given, &file).expect("a copy");
            let mut client = self
                .command()
                .env("DATABASE_URL", &database.url)
                .stdout(Stdio::null())
                .spawn()
                .expect("the client starts");
            thread::sleep(whole * instant / INSTANTS);
            client.kill().expect("the client is killed");
            client.wait().expect("the client ends");
            let db = database.connect().await;
            self.go_on(&db, &before).await;
            assert_eq!(lines(&db, "PRAGMA integrity_check").await, ["ok"]);
            db.close().await.expect("it closes");
        }
        self.print(database, INSTANTS as usize, "kill points");
    }

    async fn begin(&self, name: &str, db: &DatabaseConnection) -> Inventory {
        let anew = match db.get_database_backend() {
            DbBackend::Postgres => "DROP SCHEMA public CASCADE; CREATE SCHEMA public".to_owned(),
            DbBackend::MySql => format!(
                "DROP DATABASE {name}; CREATE DATABASE {name}; USE {name}; SET default_storage_engine = InnoDB"
            ),
            _ => "PRAGMA user_version".to_owned(),
        };
        let given = self.given.concat();
        execute(db, &format!("{anew};{given}")).await;
        Inventory::read(db).await
    }

    fn command(&self) -> Command {
        let mut command = programs::migration();
        command.args(self.command);
        command
    }

    /// After the crash.
    async fn go_on(&self, db: &DatabaseConnection, before: &Inventory) {
        if self.ends != End::Repaired {
            self.nothing_is_recorded_that_is_not_done(db, before).await;
        }
        match self.ends {
            End::Up => programs::runner().up(db, None).await.expect("up completes"),
            End::Repaired => {
                let repaired = migration::repair(db, Orphans::Keep).await;
                let repaired = repaired.expect("repair completes");
                assert!(repaired.failed.is_empty(), "{repaired:?}");
            }
            End::Down => {
                Migrator::down(db, None).await.expect("down completes");
                assert_eq!(records(db).await, [""; 0]);
                let gone = db.execute_unprepared("SELECT id FROM vectors").await;
                assert!(gone.is_err(), "vectors is still there");
                Migrator::up(db, None).await.expect("up completes");
            }
        }
        assert_as_declared(db).await;
        if self.ends != End::Down {
            before.assert_kept_in(&Inventory::read(db).await);
        }
    }

    async fn nothing_is_recorded_that_is_not_done(
        &self,
        db: &DatabaseConnection,
        before: &Inventory,
    ) {
        let records = records(db).await;
        let is_recorded = |name: &str| records.iter().any(|record| record.ends_with(name));
        if is_recorded("store_vector_ids") {
            assert_as_declared(db).await;
        }
        if is_recorded("create_vectors") {
            let report = migration::check(db).await.expect("check looks");
            let is_later = |one: &migration::DifferenceReport| one.part == "storage";
            assert!(report.differences.iter().all(is_later), "{report:?}");
            let after = Inventory::read(db).await;
            match self.ends {
                // How the ids are stored goes before the table does.
                End::Down => before.assert_rows_kept_in(&after),
                _ => before.assert_kept_in(&after),
            }
        } else if !records.is_empty() {
            execute(db, "SELECT id FROM documents").await;
        }
    }

    fn print(&self, database: &Database, tried: usize, points: &str) {
        let (engine, work) = (database.engine.name, self.name);
        println!("{engine}: {work}: {tried} {points} tried, {tried} survived");
    }
}

async fn execute(db: &DatabaseConnection, sql: &str) {
    db.execute_unprepared(sql).await.expect(sql);
}

async fn assert_as_declared(db: &DatabaseConnection) {
    let report = migration::check(db).await.expect("check looks");
    assert!(report.as_declared(), "{report:?}");
}

fn as_declared(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => include_str!("../../shapes/postgres/as_declared.sql"),
        DbBackend::MySql => include_str!("../../shapes/mysql/as_declared.sql"),
        _ => include_str!("../../shapes/sqlite/as_declared.sql"),
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

/// None where there is no table for them yet.
async fn records(db: &DatabaseConnection) -> Vec<String> {
    let versions = "SELECT concat('', version) FROM seaql_migrations";
    let versions = Statement::from_string(db.get_database_backend(), versions);
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
