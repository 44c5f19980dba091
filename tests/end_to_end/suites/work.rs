//! What a migrator is doing when something goes wrong, and what has to hold afterwards: nothing is
//! recorded that is not done, the next run completes, and every row is kept.

use std::{fs, process::Command, thread};

use migration::{Migrator, MigratorTrait, Orphans};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::{inventory::Inventory, shape::lines};
use crate::{engines::Database, programs, proxy::Sent, tier};

pub struct Work {
    pub name: &'static str,
    given: Vec<&'static str>,
    command: &'static [&'static str],
    ends: End,
}

#[derive(PartialEq)]
enum End {
    Up,
    /// Records exist from the beginning.
    Repaired,
    Down,
}

const RECORDS: &str = "
    CREATE TABLE seaql_migrations (version varchar(255) PRIMARY KEY, applied_at bigint NOT NULL);
    INSERT INTO seaql_migrations VALUES ('m20250524_000000_create_documents', 0);
    INSERT INTO seaql_migrations VALUES ('m20250524_120000_create_vectors', 0);
    INSERT INTO seaql_migrations VALUES ('m20261123_000000_store_vector_ids', 0);";

/// Many rows, for which a rebuild on SQLite writes many pages.
const MANY_ROWS: &str = "
    INSERT INTO vectors (id, doc_id, page, vector_ids)
    WITH RECURSIVE n (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n LIMIT 300)
    SELECT n, 2, n, hex(randomblob(500)) FROM n;";

impl Work {
    pub fn up_on_an_empty_database() -> Self {
        Self {
            name: "up on an empty database",
            given: Vec::new(),
            command: &["up"],
            ends: End::Up,
        }
    }

    pub fn up_on_a_legacy_shape(backend: DbBackend) -> Self {
        Self {
            name: "up on a legacy shape",
            given: legacy(backend),
            command: &["up"],
            ends: End::Up,
        }
    }

    pub fn repair(backend: DbBackend) -> Self {
        let damaged = match backend {
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

    pub fn down(backend: DbBackend) -> Self {
        Self {
            name: "down",
            given: vec![as_declared(backend), RECORDS],
            command: &["down", "--num", "3"],
            ends: End::Down,
        }
    }

    /// Returns the command, which waits for another migrator no longer than a second.
    pub fn impatient_command(&self) -> Command {
        let mut command = programs::migration();
        command.args(["--lock-wait", "1"]).args(self.command);
        command
    }

    pub fn command(&self) -> Command {
        let mut command = programs::migration();
        command.args(self.command);
        command
    }

    /// Prepares a database in which the work is still to be done.
    pub async fn begin<'w>(&'w self, database: &'w Database) -> Given<'w> {
        let mut given = Given {
            work: self,
            database,
            before: Inventory::default(),
            connection: None,
        };
        if database.backend() == DbBackend::Sqlite {
            database.empty().await;
            database.execute([self.given.concat()]).await;
            given.before = Inventory::of(database).await;
            let file = database.file();
            fs::copy(&file, format!("{file}.given")).expect("a copy");
        } else {
            given.connection = Some(database.connect().await);
            given.again().await;
        }
        given
    }

    /// Returns the points in `sent` to try: where a statement that changes something is complete,
    /// and others that are drawn.
    pub fn points(&self, database: &Database, sent: &[Sent], more: usize) -> Vec<usize> {
        let boundaries = sent.iter().enumerate().filter(|(_, sent)| changes(sent));
        let boundaries = boundaries.map(|(at, sent)| at + 1 + usize::from(sent.only_prepares));
        let mut choices = tier::choices((database.engine.name, self.name));
        tier::sample(sent.len() + 1, boundaries, more, &mut choices)
    }
}

fn changes(sent: &Sent) -> bool {
    const VERBS: [&str; 9] = [
        "ALTER",
        "COMMENT",
        "COMMIT",
        "CREATE",
        "DELETE",
        "DROP",
        "INSERT",
        "SELECT SETVAL",
        "UPDATE",
    ];
    let Some(sql) = &sent.sql else { return false };
    let sql = sql.trim_start().to_ascii_uppercase();
    VERBS.iter().any(|verb| sql.starts_with(verb))
}

/// A database in which a work is to be done repeatedly.
pub struct Given<'w> {
    pub work: &'w Work,
    database: &'w Database,
    before: Inventory,
    /// A connection; `None` on SQLite while the work is done.
    connection: Option<DatabaseConnection>,
}

impl Given<'_> {
    /// Restores the state before the work.
    pub async fn again(&mut self) {
        let Some(db) = &self.connection else {
            let file = self.database.file();
            self.remove_journal();
            fs::copy(format!("{file}.given"), &file).expect("a copy");
            return;
        };
        let name = &self.database.name;
        let anew = match db.get_database_backend() {
            DbBackend::MySql => format!(
                "DROP DATABASE {name}; CREATE DATABASE {name}; USE {name}; SET default_storage_engine = InnoDB"
            ),
            _ => "DROP SCHEMA public CASCADE; CREATE SCHEMA public".to_owned(),
        };
        execute(db, &format!("{anew};{}", self.work.given.concat())).await;
        self.before = Inventory::read(db).await;
    }

    /// Removes a journal that a killed program has left: it belongs to the file that is replaced.
    fn remove_journal(&self) {
        // There may be none.
        let _ = fs::remove_file(format!("{}-journal", self.database.file()));
    }

    /// Requires what has to hold after a fault, and that the next run completes.
    pub async fn is_survived(&self) {
        match &self.connection {
            Some(db) => self.completes(db).await,
            None => {
                let db = self.database.connect_once().await;
                self.completes(&db).await;
                assert_eq!(lines(&db, "PRAGMA integrity_check").await, ["ok"]);
                db.close().await.expect("it closes");
            }
        }
    }

    async fn completes(&self, db: &DatabaseConnection) {
        if self.work.ends != End::Repaired {
            self.nothing_is_recorded_that_is_not_done(db).await;
        }
        match self.work.ends {
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
        if self.work.ends != End::Down {
            self.before.assert_kept_in(&Inventory::read(db).await);
        }
    }

    async fn nothing_is_recorded_that_is_not_done(&self, db: &DatabaseConnection) {
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
            match self.work.ends {
                // The storage of the ids is undone before the table is dropped.
                End::Down => self.before.assert_rows_kept_in(&after),
                End::Up | End::Repaired => self.before.assert_kept_in(&after),
            }
        } else if !records.is_empty() {
            execute(db, "SELECT id FROM documents").await;
        }
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

/// Returns the records; empty if there is no table for them yet.
async fn records(db: &DatabaseConnection) -> Vec<String> {
    let versions = "SELECT concat('', version) FROM seaql_migrations";
    let versions = Statement::from_string(db.get_database_backend(), versions);
    let rows = db.query_all_raw(versions).await.unwrap_or_default();
    rows.iter()
        .map(|row| row.try_get_by_index(0).expect("a version"))
        .collect()
}

/// Reports where a test was when it failed.
pub struct Point(pub String);

impl Drop for Point {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}:", self.0);
        }
    }
}
