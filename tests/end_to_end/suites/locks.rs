//! What `check` prints about the lock of a step and its length is what the server does.

use std::{fs, path::PathBuf};

use migration::{RemedyReport, Report, StepReport};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, TransactionTrait};
use tokio::task::block_in_place;

use super::{Test, convergence::shapes, inventory::Inventory, shape::lines};
use crate::{
    engines::{Database, Engine, mariadb},
    programs::migrate,
    tier,
};

pub fn tests(engine: Engine) -> Vec<Test> {
    match engine.backend {
        DbBackend::Postgres => {
            let mut tests = tests![
                each_lock_is_what_check_says_of_it,
                a_lock_in_a_callers_transaction_is_said_to_last,
            ];
            if engine.name != "postgres15" {
                tests.extend(tests![
                    a_not_null_that_nobody_validated_is_validated_beside_writers
                ]);
            }
            tests
        }
        DbBackend::MySql => tests![
            no_step_does_more_than_check_says,
            a_server_that_would_copy_refuses_and_the_copy_is_announced,
        ],
        _ => tests![a_rebuild_is_announced_with_its_size],
    }
}

/// Returns the tests that need the nodes of Galera.
pub fn of_a_cluster() -> Vec<Test> {
    tests![the_whole_cluster_waits_and_check_says_so]
}

/// How many shapes the quick tier tries; another suite tests that each converges.
const DRAWN: usize = 10;

fn some_shapes(folder: &str) -> Vec<PathBuf> {
    let files = shapes(folder);
    let mut choices = tier::choices(("locks", folder));
    let drawn = tier::sample(files.len(), [], DRAWN, &mut choices);
    drawn.into_iter().map(|at| files[at].clone()).collect()
}

async fn connect(database: &Database) -> DatabaseConnection {
    let mut options = ConnectOptions::new(&database.url);
    options.max_connections(1);
    sea_orm::Database::connect(options).await.expect("a pool")
}

/// Returns the step that `repair` would run next.
fn next_step(report: &Report) -> Option<StepReport> {
    report
        .differences
        .iter()
        .find_map(|difference| match &difference.remedy {
            RemedyReport::Repair { steps } => steps.first().cloned(),
            _ => None,
        })
}

async fn each_lock_is_what_check_says_of_it(database: Database) {
    for file in some_shapes("postgres") {
        let sql = fs::read_to_string(&file).expect("a shape");
        database.empty().await;
        database.execute([&sql]).await;
        let db = connect(&database).await;
        let mut last = None;
        while let Some(step) = next_step(&migration::check(&db).await.expect("check")) {
            let what = format!("{}: {step:?}", file.display());
            assert_ne!(last.as_ref(), Some(&step), "{what}");
            run_and_compare(&db, &step, &what).await;
            last = Some(step);
        }
        db.close().await.expect("it closes");
    }
}

/// What a transaction on PostgreSQL has done to `vectors` so far.
#[derive(Debug)]
struct Trace {
    table: Vec<String>,
    indexes: Vec<String>,
    rows_read: u64,
    locks: Vec<String>,
}

impl Trace {
    async fn of(db: &impl ConnectionTrait) -> Self {
        let column = async |sql: &str| {
            let statement = sea_orm::Statement::from_string(DbBackend::Postgres, sql);
            let rows = db.query_all_raw(statement).await.expect(sql);
            let texts = rows.iter().map(|row| row.try_get_by_index(0).expect(sql));
            texts.collect::<Vec<String>>()
        };
        let read = "SELECT coalesce(sum(seq_tup_read), 0)::text FROM pg_stat_xact_user_tables
                    WHERE relid = to_regclass('vectors')";
        Self {
            table: column("SELECT pg_relation_filenode(to_regclass('vectors'))::text WHERE to_regclass('vectors') IS NOT NULL").await,
            indexes: column(
                "SELECT pg_relation_filenode(indexrelid)::text FROM pg_index
                 WHERE indrelid = to_regclass('vectors') ORDER BY 1",
            )
            .await,
            rows_read: column(read).await.concat().parse().expect("a number"),
            locks: column(
                "SELECT concat(relation::regclass, ' ', mode) FROM pg_locks
                 WHERE pid = pg_backend_pid() AND locktype = 'relation'
                   AND relation IN (to_regclass('vectors'), to_regclass('documents'))",
            )
            .await,
        }
    }

    fn locks(&self, table: &str, modes: &[&str]) -> bool {
        modes
            .iter()
            .any(|mode| self.locks.contains(&format!("{table} {mode}")))
    }
}

const HOLDS_READERS_OFF: [&str; 1] = ["AccessExclusiveLock"];
const HOLDS_WRITERS_OFF: [&str; 3] = ["ShareLock", "ShareRowExclusiveLock", "ExclusiveLock"];

async fn run_and_compare(db: &DatabaseConnection, step: &StepReport, what: &str) {
    let lock = &*step.lock;
    if step.statements[0].contains("CONCURRENTLY") {
        assert!(lock.ends_with("readers and writers go on"), "{what}");
        let statement = &step.statements[0];
        db.execute_unprepared(statement).await.expect(statement);
        return;
    }
    let transaction = db.begin().await.expect("a transaction");
    // In a table this small the planner reads every row where an index would do.
    let planner = "SET LOCAL enable_seqscan = off";
    transaction
        .execute_unprepared(planner)
        .await
        .expect(planner);
    let before = Trace::of(&transaction).await;
    for statement in &step.statements {
        transaction
            .execute_unprepared(statement)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    let after = Trace::of(&transaction).await;
    transaction.commit().await.expect("it commits");

    if before.table.is_empty() {
        assert!(!lock.contains("ACCESS EXCLUSIVE"), "{what}");
        return;
    }
    let is_rewritten = before.table != after.table;
    let is_reindexed = !before.indexes.iter().all(|one| after.indexes.contains(one));
    let is_read = after.rows_read > before.rows_read || is_reindexed;
    let what = format!("{what}: {before:?} {after:?}");
    if lock.contains("while the table is rewritten (") {
        assert!(is_rewritten, "{what}");
    } else if lock.contains("while every row is read (") {
        assert!(is_read && !is_rewritten, "{what}");
    } else if !lock.ends_with("readers and writers go on") {
        assert!(lock.ends_with("for a moment"), "{what}");
        assert!(!is_read && !is_rewritten, "{what}");
    }
    if lock.contains("on the sequence") {
        assert!(after.locks.is_empty(), "{what}");
        return;
    }
    let holds = |modes: &[&str]| after.locks("vectors", modes);
    assert_eq!(
        lock.contains("ACCESS EXCLUSIVE"),
        holds(&HOLDS_READERS_OFF),
        "{what}"
    );
    assert_eq!(
        lock.contains("SHARE ROW EXCLUSIVE") || lock.contains("ACCESS EXCLUSIVE"),
        holds(&HOLDS_READERS_OFF) || holds(&HOLDS_WRITERS_OFF),
        "{what}"
    );
    let holds = |modes: &[&str]| after.locks("documents", modes);
    assert_eq!(
        lock.contains("documents"),
        holds(&HOLDS_READERS_OFF) || holds(&HOLDS_WRITERS_OFF),
        "{what}"
    );
}

async fn a_lock_in_a_callers_transaction_is_said_to_last(database: Database) {
    let shape = include_str!("../../shapes/postgres/four_differences.sql");
    database.execute([shape]).await;
    let db = connect(&database).await;
    let callers = db.begin().await.expect("a transaction");

    let report = migration::check(&callers).await.expect("check");

    let lasts = |step: &StepReport| step.lock.contains(", until the transaction ends");
    assert!(!steps(&report).is_empty(), "{report:?}");
    assert!(steps(&report).iter().all(lasts), "{report:?}");
}

fn steps(report: &Report) -> Vec<StepReport> {
    let steps = report.differences.iter().map(|one| match &one.remedy {
        RemedyReport::Repair { steps } => steps.clone(),
        _ => Vec::new(),
    });
    steps.flatten().collect()
}

/// PostgreSQL 18 has such constraints.
async fn a_not_null_that_nobody_validated_is_validated_beside_writers(database: Database) {
    let db = connect(&database).await;
    let knows = "SELECT 'yes' WHERE current_setting('server_version_num')::int >= 180000";
    if lines(&db, knows).await.is_empty() {
        return;
    }
    migrate(&database, ["up"]).expect_success();
    database
        .execute([
            "ALTER TABLE vectors ALTER page DROP NOT NULL",
            "ALTER TABLE vectors ADD CONSTRAINT page_is_set NOT NULL page NOT VALID",
        ])
        .await;

    let report = migration::check(&db).await.expect("check");

    let step = next_step(&report).expect("a step");
    let validate = r#"ALTER TABLE "vectors" VALIDATE CONSTRAINT "page_is_set""#;
    assert_eq!(step.statements, [validate]);
    run_and_compare(&db, &step, validate).await;
    migrate(&database, ["check"]).expect_success();
}

/// A statement on MySQL states what it may do, and the server refuses to do more.
async fn no_step_does_more_than_check_says(database: Database) {
    for file in some_shapes("mysql") {
        let sql = fs::read_to_string(&file).expect("a shape");
        database.empty().await;
        database.execute([&sql]).await;
        let db = connect(&database).await;
        let careful = "SET SESSION foreign_key_checks = 0, sql_mode = concat(@@SESSION.sql_mode, ',STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO') /*M!100201 , check_constraint_checks = 0 */";
        db.execute_unprepared(careful).await.expect(careful);
        let mut last = None;
        while let Some(step) = next_step(&migration::check(&db).await.expect("check")) {
            let what = format!("{}: {step:?}", file.display());
            assert_ne!(last.as_ref(), Some(&step), "{what}");
            let before = tables_made(&db).await;
            for statement in &step.statements {
                db.execute_unprepared(statement)
                    .await
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
            }
            if step.lock == "metadata lock, for a moment: readers and writers go on" {
                assert_eq!(tables_made(&db).await, before, "{what}");
            } else if !before.is_empty() {
                assert!(step.lock.contains(" bytes, "), "{what}");
            }
            let alters = |statement: &String| !statement.starts_with("CREATE TABLE");
            let says_its_lock = |statement: &String| statement.contains("LOCK=");
            assert!(
                step.statements
                    .iter()
                    .filter(|one| alters(one))
                    .all(says_its_lock),
                "{what}"
            );
            last = Some(step);
        }
        db.close().await.expect("it closes");
    }
}

/// Returns the tables' numbers; InnoDB gives a table a new number when it is built anew.
async fn tables_made(db: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT CAST(table_id AS CHAR) FROM information_schema.innodb_sys_tables
               WHERE name = concat(DATABASE(), '/vectors')";
    lines(db, sql).await
}

/// The next change, whichever it is, converts times of MariaDB's older format.
async fn a_server_that_would_copy_refuses_and_the_copy_is_announced(database: Database) {
    let older = ["--mysql56-temporal-format=0"];
    let server = block_in_place(|| mariadb::start_with(&older)).expect("a server");
    let there = server.create_database(database.engine).await;
    let there = there.expect("a database");
    let shape = include_str!("../../shapes/mysql/four_differences.sql");
    there
        .execute([
            &shape.replace(
                "    page smallint,",
                "    page int, seen timestamp(3) NULL,",
            ),
            "SET GLOBAL mysql56_temporal_format = 1",
        ])
        .await;
    let before = Inventory::of(&there).await;

    let said = migrate(&there, ["up"]).expect_success();

    before.assert_kept_in(&Inventory::of(&there).await);
    let refused = ": the server would copy the table for it\n";
    let announced = "\nlock: writers wait while the table is copied (";
    let (in_place, copied) = said.split_once(refused).expect(&said);
    assert!(in_place.contains("ALGORITHM=INPLACE LOCK=NONE"), "{said}");
    assert!(copied.contains(announced), "{said}");
    migrate(&there, ["check"]).expect_success();
}

async fn a_rebuild_is_announced_with_its_size(database: Database) {
    database
        .execute([include_str!("../../shapes/sqlite/narrow.sql")])
        .await;
    let db = connect(&database).await;
    let file = "SELECT concat('(', page_count * page_size, ' bytes in the file)')
                FROM pragma_page_count, pragma_page_size";
    let size = lines(&db, file).await.concat();

    let check = migrate(&database, ["check"]);
    let up = migrate(&database, ["up"]).expect_success();

    let lock = "lock: the write lock of the database file, while the table is rebuilt ";
    assert!(check.stdout.contains(&format!("{lock}{size}")), "{check:?}");
    assert!(up.contains(lock), "{up}");
}

/// The nodes run a change of shape at the same point among all other statements.
async fn the_whole_cluster_waits_and_check_says_so(database: Database) {
    database
        .execute([include_str!("../../shapes/mysql/four_differences.sql")])
        .await;
    database.settle().await;

    let check = migrate(&database, ["check"]);

    let lock = "lock: every writer of the cluster, to whichever table, waits";
    assert_eq!(check.stdout.matches(lock).count(), 4, "{check:?}");
    assert!(!check.stdout.contains("writers go on"), "{check:?}");

    database.execute(["DROP TABLE vectors"]).await;
    database.settle().await;
    let check = migrate(&database, ["check"]);
    assert_eq!(check.stdout.matches(lock).count(), 1, "{check:?}");
}
