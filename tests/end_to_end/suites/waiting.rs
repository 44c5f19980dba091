//! Whoever has to wait says for whom, ends in time, and holds up nobody else.

use std::{
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseTransaction, DbBackend, TransactionTrait};
use tokio::task::JoinHandle;

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    conditions::until,
    engines::Database,
    programs::{end_of, migrate, migration, start},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = Vec::new();
    if backend != DbBackend::Sqlite {
        tests.extend(tests![
            a_holder_that_dies_frees_the_lock,
            a_waiter_says_for_whom_it_waits_and_ends_in_time,
            a_long_transaction_is_named_and_holds_up_nobody_else,
            down_waits_no_longer_to_count_the_rows,
        ]);
    }
    if backend == DbBackend::Postgres {
        tests.extend(tests![
            schemas_do_not_wait_for_each_other,
            an_index_that_waits_for_a_long_transaction_names_it_and_ends_in_time,
        ]);
    }
    tests
}

async fn down_waits_no_longer_to_count_the_rows(database: Database) {
    migrate(&database, ["up"]).expect_success();
    migrate(&database, ["down"]).expect_success();
    let db = database.connect().await;
    let holder = db.begin().await.expect("a transaction");
    let lock = match database.backend() {
        DbBackend::Postgres => "LOCK TABLE vectors IN ACCESS EXCLUSIVE MODE",
        _ => "LOCK TABLES vectors WRITE",
    };
    holder.execute_unprepared(lock).await.expect(lock);

    let error = migrate(&database, ["--lock-wait", "1", "down"]).expect_error();

    assert!(error.starts_with("error: timed out after 1 s"), "{error}");
    if database.backend() == DbBackend::MySql {
        let unlock = "UNLOCK TABLES";
        holder.execute_unprepared(unlock).await.expect(unlock);
    }
    holder.rollback().await.expect("it ends");
    migrate(&database, ["down"]).expect_success();
}

/// A migrator that has the lock and cannot go on, for a reader has the table that it must alter.
struct HeldUp {
    reader: DatabaseTransaction,
    migrator: Child,
}

impl HeldUp {
    async fn of(database: &Database) -> Self {
        database.execute([legacy(database)]).await;
        let reader = database.connect().await.begin().await.expect("a reader");
        let read = "SELECT count(*) FROM vectors";
        reader.execute_unprepared(read).await.expect(read);
        let mut migrator = start(migration().args(["up", "-u", &database.url]));
        wait_until_held_up(database, &mut migrator).await;
        Self { reader, migrator }
    }
}

async fn wait_until_held_up(database: &Database, migrator: &mut Child) {
    let db = database.connect_once().await;
    until("the wait for the table", async || {
        let ended = migrator.try_wait().expect("a child");
        assert_eq!(ended, None, "it was not held up");
        !lines(&db, waiting(database.backend())).await.is_empty()
    })
    .await;
    db.close().await.expect("it closes");
}

fn legacy(database: &Database) -> &'static str {
    match database.backend() {
        DbBackend::Postgres => include_str!("../../shapes/postgres/create_all.sql"),
        _ => include_str!("../../shapes/mysql/create_all.sql"),
    }
}

/// Whoever waits to alter a table.
fn waiting(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database()
               AND wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%'"
        }
        _ => {
            "SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE db = DATABASE()
               AND state LIKE 'Waiting for table metadata lock' AND info LIKE 'ALTER TABLE%'"
        }
    }
}

async fn a_holder_that_dies_frees_the_lock(database: Database) {
    let HeldUp {
        reader,
        mut migrator,
    } = HeldUp::of(&database).await;

    migrator.kill().expect("it is killed");
    migrator.wait().expect("it has ended");
    reader.rollback().await.expect("it ends");

    migrate(&database, ["--lock-wait", "5", "up"]).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn a_waiter_says_for_whom_it_waits_and_ends_in_time(database: Database) {
    let before = HeldUp::of(&database).await;
    let found = Inventory::of(&database).await;
    let holder: &[&str] = match database.backend() {
        DbBackend::Postgres => &[
            "pid ",
            ", application \"migration\"",
            ", idle in transaction",
            ", its query began ",
        ],
        _ => &["connection ", " of tester, sleep for "],
    };

    for command in ["up", "down", "repair"] {
        let waiter = migrate(&database, ["--lock-wait", "1", command]);
        let said = waiter.stdout.clone();
        let error = waiter.expect_error();

        assert!(
            error.starts_with("error: timed out after 1 s waiting for the migration lock on "),
            "{error}"
        );
        assert!(error.contains("Nothing was changed"), "{error}");
        assert!(said.contains("waiting for "), "{said}");
        for words in holder {
            assert!(
                error.contains(words) && said.contains(words),
                "{error}{said}"
            );
        }
    }
    assert_eq!(Inventory::of(&database).await, found);

    before.reader.rollback().await.expect("it ends");
    end_of(before.migrator).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn a_long_transaction_is_named_and_holds_up_nobody_else(database: Database) {
    database.execute([legacy(&database)]).await;
    let long = database.connect().await.begin().await.expect("it begins");
    if database.backend() == DbBackend::Postgres {
        let name = "SET LOCAL application_name = 'nightly report'";
        long.execute_unprepared(name).await.expect(name);
    }
    for sql in [
        "SELECT count(*) FROM vectors",
        "UPDATE documents SET title = 'long' WHERE id = 1",
    ] {
        long.execute_unprepared(sql).await.expect(sql);
    }
    let others = [
        "SELECT count(*) FROM documents JOIN vectors ON vectors.doc_id = documents.id",
        "UPDATE documents SET title = 'new' WHERE id = 2",
        "UPDATE vectors SET page = page WHERE doc_id = 3",
    ];
    let mut at_work = Vec::new();
    for sql in others {
        at_work.push(Other::start(&database, sql).await);
    }

    let waited = migrate(&database, ["--lock-wait", "2", "up"]);

    assert_eq!(waited.code, Some(1), "{}", waited.stdout);
    // After lines that say how far it is.
    let error = waited.stderr.lines().last().unwrap_or_default();
    assert!(
        error.starts_with("error: timed out after 2 s waiting to run `ALTER TABLE"),
        "{error}"
    );
    if database.backend() == DbBackend::Postgres {
        let named = "application \"nightly report\", idle in transaction, its query began ";
        assert!(error.contains(named), "{error}");
    }
    let mut up = start(migration().args(["up", "-u", &database.url]));
    wait_until_held_up(&database, &mut up).await;
    let before: Vec<usize> = at_work.iter().map(Other::count).collect();
    until("100 statements of others", async || {
        assert!(!at_work.iter().any(Other::has_ended), "held up");
        let ended = up.try_wait().expect("a child");
        assert_eq!(ended, None, "up did not wait");
        let is_done = |(one, before): (&Other, &usize)| one.count() >= before + 100;
        at_work.iter().zip(&before).all(is_done)
    })
    .await;
    long.commit().await.expect("it ends");
    end_of(up).expect_success();
    let mut counts = Vec::new();
    for one in at_work {
        counts.push(one.stop().await);
    }
    println!(
        "{}: {counts:?} reads and writes of others beside an up that waits: 0 failures",
        database.engine.name,
    );
    migrate(&database, ["check"]).expect_success();
}

/// Somebody else who runs a statement again and again, and fails where a lock takes long.
struct Other {
    is_over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Other {
    async fn start(database: &Database, sql: &'static str) -> Self {
        let mut options = ConnectOptions::new(&database.url);
        options.max_connections(1);
        let db = sea_orm::Database::connect(options)
            .await
            .expect("a connection");
        let impatient = match database.backend() {
            DbBackend::Postgres => "SET lock_timeout = '5s'",
            _ => "SET SESSION lock_wait_timeout = 5, SESSION innodb_lock_wait_timeout = 5",
        };
        db.execute_unprepared(impatient).await.expect(impatient);
        let (is_over, done) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (told, counted) = (Arc::clone(&is_over), Arc::clone(&done));
        let task = tokio::spawn(async move {
            while !told.load(Ordering::Relaxed) {
                db.execute_unprepared(sql).await.expect(sql);
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self {
            is_over,
            done,
            task,
        }
    }

    fn count(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// How often it was done.
    async fn stop(mut self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        (&mut self.task).await.expect("no lock took long");
        self.done.load(Ordering::Relaxed)
    }
}

/// Where a test fails, its database has to be dropped.
impl Drop for Other {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

async fn schemas_do_not_wait_for_each_other(database: Database) {
    let HeldUp { reader, migrator } = HeldUp::of(&database).await;
    database.execute(["CREATE SCHEMA other"]).await;

    let other = ["--lock-wait", "0", "--database-schema", "other"];
    for command in ["up", "down", "down", "repair", "up", "check"] {
        migrate(&database, other.iter().chain([&command])).expect_success();
    }

    let same = migrate(&database, ["--lock-wait", "0", "up"]).expect_error();
    assert!(
        same.contains("timed out after 0 s waiting for the migration lock")
            && same.contains("held by pid "),
        "{same}"
    );
    reader.rollback().await.expect("it ends");
    end_of(migrator).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn an_index_that_waits_for_a_long_transaction_names_it_and_ends_in_time(database: Database) {
    let no_index = include_str!("../../shapes/postgres/no_index.sql");
    database.execute([no_index]).await;
    let long = database.connect().await.begin().await.expect("it begins");
    for sql in [
        "SET LOCAL application_name = 'nightly report'",
        "UPDATE vectors SET page = page WHERE doc_id = 1",
    ] {
        long.execute_unprepared(sql).await.expect(sql);
    }

    let waited = migrate(&database, ["--lock-wait", "2", "up"]);

    assert_eq!(waited.code, Some(1), "{}", waited.stdout);
    let error = waited.stderr.lines().last().unwrap_or_default();
    let started = "error: timed out after 2 s waiting to run `CREATE INDEX CONCURRENTLY";
    assert!(error.starts_with(started), "{error}");
    let named = "application \"nightly report\", idle in transaction, its query began ";
    assert!(error.contains(named), "{error}");
    assert!(waited.stdout.contains(named), "{}", waited.stdout);
    long.commit().await.expect("it ends");
    migrate(&database, ["up"]).expect_success();
    migrate(&database, ["check"]).expect_success();
}
