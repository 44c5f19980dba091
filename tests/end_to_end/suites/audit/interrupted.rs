//! Audits beside writers and locks, that are killed, and whose disk or memory is small.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use entity::{Page, VectorId, prelude::*};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use serde_json::Value;
use tempfile::TempDir;

use super::{audit, count, files_in, insert, migrated, object, write};
use crate::{
    conditions::until,
    engines::{Database, USERS_PASSWORD},
    programs::{end_of, migration},
    suites::{Test, faults::Disk, inventory::Inventory},
    tier,
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        a_point_that_is_recorded_while_points_are_listed_is_not_stray,
        writers_go_on_and_a_snapshot_is_read,
    ];
    match backend {
        DbBackend::Sqlite => tests.extend(tests![
            nothing_is_left_of_an_audit_that_is_killed,
            a_full_disk_is_an_error_that_leaves_nothing,
            memory_stays_under_its_limit,
        ]),
        DbBackend::Postgres => tests.extend(tests![
            a_table_that_is_locked_is_waited_for,
            all_statements_read_one_snapshot,
        ]),
        _ => tests.extend(tests![a_table_that_is_locked_is_waited_for]),
    }
    tests
}

/// `audit`, whose points the test writes.
fn begin(database: &Database, folder: &Path, arguments: &[&str]) -> Child {
    migration()
        .env("DATABASE_URL", &database.url)
        .env("TMPDIR", folder)
        .args(["audit", "--json", "--points", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo build -p migration")
}

fn report_of(child: Child) -> Value {
    let ended = end_of(child);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

async fn a_point_that_is_recorded_while_points_are_listed_is_not_stray(database: Database) {
    let db = migrated(&database, 1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut audit = begin(&database, folder.path(), &[]);
    let mut stdin = audit.stdin.take().expect("stdin");
    // More than a pipe holds, so that it is reading.
    let points: String = (0..100_000).map(|number| format!("{number}\n")).collect();
    stdin.write_all(points.as_bytes()).expect("points");

    let ids: VectorIds = (0..100_000_u64).collect();
    insert(&db, 1, 1, &ids.to_string()).await;
    drop(stdin);

    let report = report_of(audit);
    assert_eq!(
        (count(&report, "stray"), count(&report, "missing")),
        (0, 0),
        "{report}"
    );
    assert_eq!(report["points"]["listed"], 100_000, "{report}");
}

/// Each transaction records two pages of one id each: half of one is never seen.
async fn writers_go_on_and_a_snapshot_is_read(database: Database) {
    let db = migrated(&database, 1).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (db, is_over) = (db.clone(), Arc::clone(&is_over));
        tokio::spawn(async move {
            let mut written: u64 = 0;
            while !is_over.load(Ordering::Relaxed) {
                let transaction = db.begin().await.expect("a transaction");
                let pages = (0..2).map(|_| {
                    written += 1;
                    Page::new(
                        i32::try_from(written).expect("a page"),
                        [VectorId::from(written)],
                    )
                });
                let pages: Vec<Page> = pages.collect();
                // SQLite: the audit has the file for a moment.
                let recorded = Vectors::record_pages(&transaction, 1, pages).await;
                match recorded {
                    Ok(_) => transaction.commit().await.expect("committed"),
                    Err(_) => transaction.rollback().await.expect("rolled back"),
                }
            }
            written
        })
    };
    let mut last = 0;
    for _ in 0..tier::rounds(5, 50) {
        let found = audit(&database, ["--json"]);
        assert!(matches!(found.code, Some(0 | 1)), "{found:?}");
        let report: Value = serde_json::from_str(&found.stdout).expect("JSON");
        let rows = report["rows"].as_u64().expect("rows");
        assert_eq!(rows % 2, 0, "{report}");
        assert_eq!(report["ids"], rows, "{report}");
        // Before the first page there is a document without pages, in the same snapshot.
        assert_eq!(count(&report, "without_pages") == 1, rows == 0, "{report}");
        assert!(rows >= last, "{report}");
        last = rows;
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(writer.await.expect("the writer") > 0);
}

/// Of 16 MiB of memory these need more.
fn many_points(folder: &TempDir, count: u64) -> String {
    let mut choices = fastrand::Rng::with_seed(17);
    let lines: String = (0..count)
        .map(|_| format!("{:032x}\n", choices.u128(..)))
        .collect();
    write(folder, "points", lines.as_bytes())
}

/// An audit whose points do not fit into its memory.
fn audit_in(temporary: &Path, database: &Database, points: &str, stray: &Path) -> Command {
    let mut command = migration();
    command
        .env("DATABASE_URL", &database.url)
        .env("TMPDIR", temporary)
        .args([
            "audit",
            "--memory",
            "16MiB",
            "--points",
            points,
            "--stray-to",
        ])
        .arg(stray);
    command
}

async fn nothing_is_left_of_an_audit_that_is_killed(database: Database) {
    let db = migrated(&database, 1).await;
    insert(&db, 1, 1, "[7]").await;
    let before = Inventory::of(&database).await;
    let (points, temporary, results) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let file = many_points(&points, 600_000);
    let stray = results.path().join("stray").display().to_string();
    let audit = || {
        let mut command = audit_in(temporary.path(), &database, &file, Path::new(&stray));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut choices = tier::choices("audit killed");
    for _ in 0..tier::rounds(3, 100) {
        let mut child = audit().spawn().expect("an audit");
        thread::sleep(Duration::from_millis(choices.u64(0..1_500)));
        child.kill().expect("it is killed");
        child.wait().expect("it ends");

        assert_eq!(files_in(temporary.path()), [""; 0]);
        if fs::remove_file(&stray).is_ok() {
            // It was done already.
            assert_eq!(files_in(results.path()), [""; 0]);
        }
    }

    let ended = audit().status().expect("an audit");

    assert_eq!(ended.code(), Some(1));
    assert_eq!(files_in(temporary.path()), [""; 0]);
    assert_eq!(files_in(results.path()), ["stray"]);
    assert_eq!(super::lines(&stray).len(), 600_000);
    assert_eq!(Inventory::of(&database).await, before);
}

async fn a_full_disk_is_an_error_that_leaves_nothing(database: Database) {
    let db = migrated(&database, 1).await;
    insert(&db, 1, 1, "[7]").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = many_points(&folder, 700_000);
    let disk = Disk::mount("1m");
    let run = |temporary: &Path, stray: &Path| {
        crate::programs::run(&mut audit_in(temporary, &database, &file, stray))
    };

    let full = run(disk.path(), &folder.path().join("stray"));
    assert_eq!(full.code, Some(2), "{full:?}");
    assert!(full.stdout.contains("warning: about "), "{full:?}");
    assert!(full.stderr.contains("No space left on device"), "{full:?}");
    assert!(full.stderr.contains("TMPDIR"), "{full:?}");
    assert_eq!(files_in(disk.path()), [""; 0]);
    assert_eq!(files_in(folder.path()), ["points"]);

    let full = run(folder.path(), &disk.path().join("stray"));
    assert_eq!(full.code, Some(2), "{full:?}");
    assert!(
        full.stderr
            .contains("stray cannot be written: No space left"),
        "{full:?}"
    );
    assert_eq!(files_in(disk.path()), [""; 0]);
    assert_eq!(files_in(folder.path()), ["points"]);
}

async fn memory_stays_under_its_limit(database: Database) {
    let db = migrated(&database, 1).await;
    insert(&db, 1, 1, "[7]").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = many_points(&folder, 900_000);
    let peak = |memory: &str| {
        let mut child = migration()
            .env("DATABASE_URL", &database.url)
            .args(["audit", "--memory", memory, "--points", &file])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("an audit");
        let status = format!("/proc/{}/status", child.id());
        let mut peak: u64 = 0;
        while child.try_wait().expect("a child").is_none() {
            let now = fs::read_to_string(&status).unwrap_or_default();
            let high = now.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = high.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(kib.unwrap_or(0));
            thread::sleep(Duration::from_millis(2));
        }
        peak / 1024
    };

    let (little, much) = (peak("16MiB"), peak("512MiB"));

    // What the program takes itself is in both.
    assert!(little < 48, "{little} MiB");
    assert!(much < 128, "{much} MiB");
}

async fn a_table_that_is_locked_is_waited_for(database: Database) {
    let db = migrated(&database, 1).await;
    insert(&db, 1, 1, "[7]").await;
    let (lock, unlock) = match database.backend() {
        DbBackend::Postgres => (
            "BEGIN; LOCK TABLE vectors IN ACCESS EXCLUSIVE MODE",
            "COMMIT",
        ),
        _ => ("LOCK TABLES vectors WRITE", "UNLOCK TABLES"),
    };
    let holder = database.connect_once().await;
    holder.execute_unprepared(lock).await.expect(lock);

    let refused = audit(&database, ["--lock-wait", "2"]);
    let waiting = {
        let database = database.clone();
        thread::spawn(move || object(&database, 0, ["--lock-wait", "60"]))
    };
    thread::sleep(Duration::from_secs(1));
    holder.execute_unprepared(unlock).await.expect(unlock);

    assert_eq!(refused.code, Some(2), "{refused:?}");
    let words = "waiting to look up the rows of vectors: the table is in use by ";
    assert!(refused.stderr.contains(words), "{refused:?}");
    assert_eq!(waiting.join().expect("an audit")["rows"], 1);
}

/// The rows and the documents without pages are two statements. The first one waits at a policy of the table until a
/// document without pages has come.
async fn all_statements_read_one_snapshot(database: Database) {
    const GATE: &str = "SELECT pg_advisory_lock(17)";
    let db = migrated(&database, 1).await;
    insert(&db, 1, 1, "[7]").await;
    let holder = database.connect_once().await;
    holder.execute_unprepared(GATE).await.expect(GATE);
    let auditor = format!("auditor_{}", database.name);
    let create = format!("CREATE ROLE {auditor} LOGIN PASSWORD '{USERS_PASSWORD}'");
    let grant = format!("GRANT SELECT ON vectors, documents TO {auditor}");
    let passes = "CREATE FUNCTION passes() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
          WHILE NOT pg_try_advisory_lock_shared(17) LOOP PERFORM pg_sleep(0.01); END LOOP;
          RETURN true;
        END $$";
    let statements = [
        create.as_str(),
        &grant,
        passes,
        "CREATE POLICY gate ON vectors USING (passes())",
        "ALTER TABLE vectors ENABLE ROW LEVEL SECURITY",
    ];
    database.execute(statements).await;

    let audited = {
        let database = database.of_user(&auditor);
        thread::spawn(move || object(&database, 0, [""; 0]))
    };
    let waits = format!(
        "SELECT 1 FROM pg_stat_activity WHERE usename = '{auditor}' AND wait_event = 'PgSleep'"
    );
    until("the rows are being read", async || {
        let waits = Statement::from_string(DbBackend::Postgres, waits.as_str());
        db.query_one_raw(waits).await.expect("an answer").is_some()
    })
    .await;
    database
        .execute(["INSERT INTO documents (id) VALUES (99)"])
        .await;
    holder.close().await.expect("the gate opens");

    let report = audited.join().expect("an audit");
    assert_eq!(report["rows"], 1, "{report}");
    assert_eq!(count(&report, "without_pages"), 0, "{report}");
    let owned = format!("DROP OWNED BY {auditor}");
    let drop = format!("DROP ROLE {auditor}");
    database.execute([owned, drop]).await;
}
