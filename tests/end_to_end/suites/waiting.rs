//! A session that has to wait reports which session it waits for, ends in time, and blocks no other
//! session.

use std::{
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseTransaction, DbBackend, TransactionTrait};
use tokio::task::{JoinHandle, block_in_place};

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    conditions::until,
    engines::{Database, mariadb, postgres},
    programs::{self, Running, end_of, migrate, migration, start},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = match backend {
        DbBackend::Sqlite => tests![
            a_writer_of_the_file_is_waited_for_as_long_as_is_said,
            a_callers_pool_waits_as_long_as_the_runner_says,
            a_reader_keeps_a_rebuild_waiting_and_not_from_its_end,
        ],
        _ => Vec::new(),
    };
    tests.extend(tests![a_callers_transaction_waits_for_as_long_as_is_said]);
    if backend != DbBackend::Sqlite {
        tests.extend(tests![
            a_table_that_another_session_has_locked_is_waited_for_in_time,
            a_holder_that_dies_frees_the_lock,
            a_waiter_says_for_whom_it_waits_and_ends_in_time,
            a_long_transaction_is_named_and_holds_up_nobody_else,
            down_waits_no_longer_to_count_the_rows,
        ]);
    }
    if backend == DbBackend::MySql {
        tests.extend(tests![
            a_backup_is_named_with_its_lock_and_ends_in_time,
            a_duplicate_that_a_copy_would_meet_is_found_beforehand,
            a_prepared_transaction_is_named_by_its_xid,
        ]);
    }
    if backend == DbBackend::Postgres {
        tests.extend(tests![
            a_prepared_transaction_is_named_by_its_gid,
            status_waits_once_for_locked_records,
            schemas_do_not_wait_for_each_other,
            an_index_that_waits_for_a_long_transaction_names_it_and_ends_in_time,
            a_commit_that_waits_for_an_absent_standby_ends_in_time,
            a_limit_of_transactions_ends_no_build_of_an_index,
        ]);
    }
    tests
}

/// In every way in which a command meets the lock.
async fn a_table_that_another_session_has_locked_is_waited_for_in_time(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let db = database.connect_once().await;
    let (lock, unlock) = match database.backend() {
        DbBackend::Postgres => ("BEGIN; LOCK TABLE", "ROLLBACK"),
        _ => ("LOCK TABLES", "UNLOCK TABLES"),
    };
    let work = [
        ("vectors", "look up "),
        (
            "seaql_migrations",
            "read or change the records in seaql_migrations: ",
        ),
    ];
    for (table, work) in work {
        let lock = match database.backend() {
            DbBackend::Postgres => format!("{lock} {table}"),
            _ => format!("{lock} {table} WRITE"),
        };
        db.execute_unprepared(&lock).await.expect(&lock);

        let check = migrate(&database, ["--lock-wait", "1", "check"]);
        let runner = programs::runner().lock_wait(Duration::from_secs(1));
        let called = runner.check(&database.connect().await).await;

        assert_eq!(check.code, Some(2), "{check:?}");
        let called = called.expect_err("it is locked").to_string();
        for error in [check.stderr.trim_start_matches("error: "), &called] {
            let begin = format!("timed out after 1 s waiting to {work}");
            assert!(error.starts_with(&begin), "{error}");
            if database.backend() == DbBackend::Postgres {
                assert!(error.contains("the table is in use by pid "), "{error}");
            }
        }
        db.execute_unprepared(unlock).await.expect(unlock);
    }
    let lock = match database.backend() {
        DbBackend::Postgres => format!("{lock} seaql_migrations"),
        _ => format!("{lock} seaql_migrations WRITE"),
    };
    db.execute_unprepared(&lock).await.expect(&lock);
    for command in ["up", "down"] {
        let error = migrate(&database, ["--lock-wait", "1", command]).expect_error();
        let begin = "error: timed out after 1 s waiting to read or change the records";
        assert!(error.starts_with(begin), "{error}");
    }
    db.execute_unprepared(unlock).await.expect(unlock);
    migrate(&database, ["check"]).expect_success();
}

async fn a_prepared_transaction_is_named_by_its_gid(database: Database) {
    let no_index = include_str!("../../shapes/postgres/no_index.sql");
    database.execute([no_index]).await;
    let db = database.connect_once().await;
    let gid = format!("{} it''s", database.name);
    for work in [
        "LOCK TABLE vectors",
        "UPDATE vectors SET page = page WHERE doc_id = 1",
    ] {
        let prepare = format!("BEGIN; {work}; PREPARE TRANSACTION '{gid}'");
        db.execute_unprepared(&prepare).await.expect(&prepare);

        let waited = migrate(&database, ["--lock-wait", "1", "up"]);

        assert_eq!(waited.code, Some(1), "{waited:?}");
        let named = format!("in use by prepared transaction '{gid}' of user ");
        assert!(waited.stderr.contains(&named), "{waited:?}");
        let end = format!("ROLLBACK PREPARED '{gid}'");
        db.execute_unprepared(&end).await.expect(&end);
    }
    migrate(&database, ["up"]).expect_success();
}

async fn status_waits_once_for_locked_records(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let db = database.connect_once().await;
    let lock = "BEGIN; LOCK TABLE seaql_migrations";
    db.execute_unprepared(lock).await.expect(lock);

    let status = migrate(&database, ["--lock-wait", "2", "status"]);

    assert_eq!(status.code, Some(1), "{status:?}");
    let waits = status.stdout.matches("waiting for pid ").count();
    assert_eq!(waits, 1, "{status:?}");
}

/// A prepared transaction keeps its locks when its session has ended.
async fn a_prepared_transaction_is_named_by_its_xid(database: Database) {
    let server = block_in_place(mariadb::start).expect("a server");
    let there = server.create_database(database.engine).await;
    let there = there.expect("a database");
    there
        .execute([include_str!("../../shapes/mysql/no_foreign_key.sql")])
        .await;
    let xid = "'it''s', 'b'";
    let prepare = format!(
        "XA START {xid}; UPDATE vectors SET page = page + 1; XA END {xid}; XA PREPARE {xid}"
    );
    there.execute([prepare]).await;

    let waited = migrate(&there, ["--lock-wait", "1", "up"]);

    assert_eq!(waited.code, Some(1), "{waited:?}");
    let named =
        format!("the prepared transaction {xid}, which XA COMMIT {xid} or XA ROLLBACK {xid} ends");
    assert!(waited.stderr.contains(&named), "{waited:?}");
    there.execute([format!("XA ROLLBACK {xid}")]).await;
    migrate(&there, ["up"]).expect_success();
}

async fn a_backup_is_named_with_its_lock_and_ends_in_time(database: Database) {
    let server = block_in_place(|| mariadb::start_with(&["--plugin-load-add=metadata_lock_info"]));
    let server = server.expect("a server");
    let there = server.create_database(database.engine).await;
    let there = there.expect("a database");
    migrate(&there, ["up"]).expect_success();
    let db = there.connect_once().await;
    let backups = [
        (
            "FLUSH TABLES WITH READ LOCK",
            "BACKUP_FTWRL2",
            "UNLOCK TABLES",
        ),
        (
            "BACKUP STAGE START; BACKUP STAGE BLOCK_COMMIT",
            "BACKUP_WAIT_COMMIT",
            "BACKUP STAGE END",
        ),
        ("BACKUP LOCK vectors", "SHARED_HIGH_PRIO", "BACKUP UNLOCK"),
    ];
    for (begin, lock, end) in backups {
        db.execute_unprepared(begin).await.expect(begin);

        let waited = migrate(&there, ["--lock-wait", "1", "down", "-n", "2"]).expect_error();

        let named = [" in use by connection ", &format!(" has the lock {lock} (")];
        assert!(
            named.iter().all(|words| waited.contains(words)),
            "{begin}: {waited}"
        );
        db.execute_unprepared(end).await.expect(end);
    }
    migrate(&there, ["up"]).expect_success();
    migrate(&there, ["check"]).expect_success();
}

/// The column's new collation ignores trailing spaces.
async fn a_duplicate_that_a_copy_would_meet_is_found_beforehand(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database
        .execute([
            "DELETE FROM seaql_migrations",
            "ALTER TABLE vectors MODIFY vector_ids text CHARACTER SET latin1 COLLATE latin1_nopad_bin NOT NULL",
            "ALTER TABLE vectors ADD UNIQUE KEY first_ids (vector_ids(9))",
            "INSERT INTO documents VALUES (1)",
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, 'ab'), (1, 2, 'ab ')",
        ])
        .await;

    let up = migrate(&database, ["up"]);

    assert!(!up.stdout.contains(" MODIFY "), "{up:?}");
    let error = up.expect_error();
    assert!(error.contains("first_ids allows one row"), "{error}");
}

async fn a_writer_of_the_file_is_waited_for_as_long_as_is_said(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let writer = database.connect_once().await;
    // As a session that rebuilds a large table: the file cannot even be read.
    let begin = "BEGIN EXCLUSIVE";
    writer.execute_unprepared(begin).await.expect(begin);

    for command in ["check", "up", "status", "down"] {
        let waited = migrate(&database, ["--lock-wait", "1", command]);
        let begin = "error: timed out after 1 s waiting to open SQLite file ";
        assert!(waited.stderr.starts_with(begin), "{waited:?}");
        assert_ne!(waited.code, Some(0), "{waited:?}");
    }
    let mut check = Running::start(migration().args(["check", "-u", &database.url]));
    check.wait_until_it_says("waiting for another connection");
    let end = "ROLLBACK";
    writer.execute_unprepared(end).await.expect(end);
    check.finished().expect_success();
}

async fn a_callers_pool_waits_as_long_as_the_runner_says(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let pool = database.connect_once().await;
    let patient = "PRAGMA busy_timeout = 3600000";
    let own = "SELECT CAST(timeout AS TEXT) FROM pragma_busy_timeout";
    pool.execute_unprepared(patient).await.expect(patient);
    let writer = database.connect_once().await;
    let begin = "BEGIN IMMEDIATE";
    writer.execute_unprepared(begin).await.expect(begin);

    let runner = programs::runner().lock_wait(Duration::from_secs(1));
    let down = runner.down(&pool, None).await;

    let error = down.expect_err("somebody writes").to_string();
    assert!(
        error.starts_with("timed out after 1 s waiting for "),
        "{error}"
    );
    assert_eq!(lines(&pool, own).await, ["3600000"]);
    let end = "ROLLBACK";
    writer.execute_unprepared(end).await.expect(end);
    runner.down(&pool, None).await.expect("nobody writes");
    assert_eq!(lines(&pool, own).await, ["3600000"]);
}

/// In such a transaction nothing is tried again.
async fn a_callers_transaction_waits_for_as_long_as_is_said(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let db = database.connect().await;
    let callers = db.begin().await.expect("a transaction");
    let holder = database.connect_once().await;
    let (lock, unlock) = match database.backend() {
        DbBackend::Postgres => ("BEGIN; LOCK TABLE vectors", "ROLLBACK"),
        DbBackend::MySql => ("LOCK TABLES vectors WRITE", "UNLOCK TABLES"),
        _ => ("BEGIN EXCLUSIVE", "ROLLBACK"),
    };
    holder.execute_unprepared(lock).await.expect(lock);

    let runner = programs::runner().lock_wait(Duration::from_secs(2));
    let check = runner.check(&callers).await;

    let error = check.expect_err("it is locked").to_string();
    assert!(error.starts_with("timed out after 2 s waiting "), "{error}");
    callers.rollback().await.expect("it ends");
    holder.execute_unprepared(unlock).await.expect(unlock);
    runner.check(&db).await.expect("nobody has it");
}

/// Its COMMIT waits for the reader. If it were repeated from the beginning, it would never end
/// while there are readers.
async fn a_reader_keeps_a_rebuild_waiting_and_not_from_its_end(database: Database) {
    let legacy = include_str!("../../shapes/sqlite/no_foreign_key.sql");
    database.execute([legacy]).await;
    let pool = database.connect_once().await;
    let reader = pool.begin().await.expect("it begins");
    let read = "SELECT count(*) FROM vectors";
    reader.execute_unprepared(read).await.expect(read);
    let up = Running::start(migration().args(["up", "-u", &database.url]));

    // A reader in this process would share the lock of the first.
    let mut another = Command::new("sqlite3");
    another.args([&database.file(), read]);
    until("the COMMIT keeps new readers away", async || {
        programs::run(&mut another).code != Some(0)
    })
    .await;
    // Longer than an attempt of anything else.
    tokio::time::sleep(Duration::from_secs(2)).await;
    reader.rollback().await.expect("it ends");

    let said = up.finished().expect_success();
    assert_eq!(
        said.matches("CREATE TABLE \"vectors_rebuilt\"").count(),
        1,
        "{said}"
    );
    migrate(&database, ["check"]).expect_success();
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

/// A migrator that holds the lock and cannot go on, because a reader uses the table that it must
/// alter.
pub(super) struct HeldUp {
    pub(super) reader: DatabaseTransaction,
    pub(super) migrator: Child,
}

impl HeldUp {
    pub(super) async fn of(database: &Database) -> Self {
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

/// Returns the query for sessions that wait to alter a table.
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
        DbBackend::Postgres => &["pid ", ", application \"migration\"", ", its query began "],
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
        assert_eq!(said.matches("waiting for ").count(), 1, "{said}");
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
    // After lines that report the progress.
    let error = waited.last_error();
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

/// Another session that runs a statement again and again, and fails if a lock takes long.
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

    /// Returns how often the statement was run.
    async fn stop(mut self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        (&mut self.task).await.expect("no lock took long");
        self.done.load(Ordering::Relaxed)
    }
}

/// If a test fails, its database still has to be dropped.
impl Drop for Other {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

async fn a_limit_of_transactions_ends_no_build_of_an_index(database: Database) {
    let no_index = include_str!("../../shapes/postgres/no_index.sql");
    database.execute([no_index]).await;
    let observer = database.connect_once().await;
    let long = database.connect_once().await;
    long.execute_unprepared("BEGIN; UPDATE vectors SET page = page")
        .await
        .expect("a long transaction");
    // Only PostgreSQL 17 and later have it.
    let known = "SELECT name FROM pg_settings WHERE name = 'transaction_timeout'";
    if !lines(&observer, known).await.is_empty() {
        let set = format!(
            "ALTER DATABASE {} SET transaction_timeout = '1s'",
            database.name
        );
        database.execute([set]).await;
    }

    let up = start(migration().args(["up", "-u", &database.url]));
    let building = "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() \
                    AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active' AND now() - query_start > interval '1500 ms'";
    until("the build has waited", async || {
        !lines(&observer, building).await.is_empty()
    })
    .await;
    long.execute_unprepared("COMMIT").await.expect("it ends");

    end_of(up).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn a_commit_that_waits_for_an_absent_standby_ends_in_time(database: Database) {
    let server = block_in_place(postgres::start_15).expect("a server");
    let [new, legacy, without_index, with_orphans] = [
        server.create_database(database.engine).await,
        server.create_database(database.engine).await,
        server.create_database(database.engine).await,
        server.create_database(database.engine).await,
    ]
    .map(|created| created.expect("a database"));
    for there in [&legacy, &without_index, &with_orphans] {
        migrate(there, ["up"]).expect_success();
    }
    let observer = new.connect_once().await;
    new.execute(["CREATE TABLE written ()"]).await;
    legacy
        .execute(["ALTER TABLE vectors ALTER page DROP NOT NULL"])
        .await;
    without_index
        .execute(["DROP INDEX ix_vectors_doc_id"])
        .await;
    with_orphans
        .execute([
            "ALTER TABLE vectors DROP CONSTRAINT vectors_doc_id_fkey",
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (7, 1, '[]')",
        ])
        .await;
    let writer = Other::start(&new, "INSERT INTO written DEFAULT VALUES").await;
    let names = async |change: &str| {
        let change = format!("ALTER SYSTEM {change}");
        new.execute([change.as_str()]).await;
        new.execute(["SELECT pg_reload_conf()"]).await;
    };
    let waiting = "SELECT pid::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    names("SET synchronous_standby_names = 'absent'").await;
    until("a commit waits", async || {
        !lines(&observer, waiting).await.is_empty()
    })
    .await;

    let up = migrate(&new, ["--lock-wait", "1", "up"]).expect_error();
    let repair = migrate(&legacy, ["--lock-wait", "1", "repair"]);
    let build = migrate(&without_index, ["--lock-wait", "1", "repair"]);
    let delete = [
        "--lock-wait",
        "1",
        "repair",
        "--delete-orphans",
        "--forget-ids",
    ];
    let delete = migrate(&with_orphans, delete);
    let status = migrate(&new, ["status"]);

    status.expect_success();
    for error in [&up, &repair.stderr, &build.stderr, &delete.stderr] {
        assert!(
            error.contains("COMMIT was not answered within 10 s")
                && error.contains("synchronous_standby_names"),
            "{error}"
        );
    }
    assert!(
        repair.code == Some(1) && !repair.stderr.contains("in use by"),
        "{repair:?}"
    );
    names("RESET synchronous_standby_names").await;
    until("no commit waits", async || {
        lines(&observer, waiting).await.is_empty()
    })
    .await;
    writer.stop().await;
    for (there, command) in [
        (&new, "up"),
        (&legacy, "repair"),
        (&without_index, "repair"),
        (&with_orphans, "repair"),
    ] {
        migrate(there, [command]).expect_success();
        migrate(there, ["check"]).expect_success();
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
    let error = waited.last_error();
    let started = "error: timed out after 2 s waiting to run `CREATE INDEX CONCURRENTLY";
    assert!(error.starts_with(started), "{error}");
    let named = "application \"nightly report\", idle in transaction, its query began ";
    assert!(error.contains(named), "{error}");
    assert!(waited.stdout.contains(named), "{}", waited.stdout);
    long.commit().await.expect("it ends");
    migrate(&database, ["up"]).expect_success();
    migrate(&database, ["check"]).expect_success();
}
