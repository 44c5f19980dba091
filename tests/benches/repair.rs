//! Measures `repair`: its time and memory by the number of rows, and how long it delays a writer.
//!
//! `tests/bench repair` prints the tables of docs/performance.md.

#[path = "../end_to_end/engines/mod.rs"]
#[allow(dead_code)]
mod engines;

#[path = "measured.rs"]
#[allow(dead_code)]
mod measured;

use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use engines::{Database, Engine, workspace};
use sea_orm::{ConnectionTrait, DbBackend};
use tokio::runtime::Runtime;

const GROWTH: [u64; 3] = [10_000, 100_000, 1_000_000];
const MANY: u64 = 10_000_000;
const DOCUMENTS: u64 = 1_000;
const ROUNDS: usize = 5;

/// How long the writer is measured alone.
const ALONE: Duration = Duration::from_secs(10);

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    println!("| engine | rows | `repair` | peak memory |");
    println!("|---|---:|---:|---:|");
    for engine in engines::engines()
        .into_iter()
        .filter(|one| ["sqlite", "postgres15", "mariadb"].contains(&one.name))
    {
        let server = engine.start().expect("a server");
        for rows in GROWTH {
            let database = runtime
                .block_on(server.create_database(engine))
                .expect("a database");
            runtime.block_on(legacy(&database, rows));
            let (elapsed, peak) = repair(&database);
            println!(
                "| {} | {} | {:.2} s | {:.1} MiB |",
                engine.name,
                grouped(rows),
                elapsed.as_secs_f64(),
                peak / 1024.0
            );
            runtime
                .block_on(server.drop_database(database))
                .expect("it is dropped");
        }
        if engine.name == "postgres15" {
            with_a_writer(&runtime, engine, &server);
        }
    }
}

fn with_a_writer(runtime: &Runtime, engine: Engine, server: &engines::Server) {
    println!();
    println!(
        "{}, {} rows, one writer inserting all the while; medians of {ROUNDS} rounds in turn:",
        engine.name,
        grouped(MANY)
    );
    println!();
    println!("| | time | writer's median | writer's longest wait | longest of all rounds |");
    println!("|---|---:|---:|---:|---:|");
    type Work = fn(&Database);
    let plain: Work = |database| {
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(database.execute([
            "ALTER TABLE vectors DROP CONSTRAINT vectors_doc_id_fkey, ADD CONSTRAINT vectors_doc_id_fkey \
             FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE",
            "CREATE INDEX ix_vectors_doc_id ON vectors (doc_id)",
        ]));
    };
    let works: [(&str, Work); 3] = [
        ("nothing else", |_| thread::sleep(ALONE)),
        ("`repair`", |database| {
            repair(database);
        }),
        ("plain ALTER TABLE, CREATE INDEX", plain),
    ];
    let legacy_database = runtime
        .block_on(server.create_database(engine))
        .expect("a database");
    runtime.block_on(legacy(&legacy_database, MANY));
    let mut measured = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((_, work), measured) in works.iter().zip(&mut measured) {
            let database = runtime.block_on(copy(&legacy_database));
            measured.push(watch(&database, *work));
            runtime
                .block_on(server.drop_database(database))
                .expect("it is dropped");
        }
    }
    for ((name, _), rounds) in works.iter().zip(&measured) {
        let median = |of: fn(&Watched) -> Duration| {
            let mut values: Vec<f64> = rounds.iter().map(|round| of(round).as_secs_f64()).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let longest = rounds
            .iter()
            .map(|round| round.longest)
            .max()
            .unwrap_or_default();
        println!(
            "| {name} | {:.1} s | {:.2} ms | {:.1} ms | {:.1} ms |",
            median(|round| round.elapsed),
            median(|round| round.usual) * 1e3,
            median(|round| round.longest) * 1e3,
            longest.as_secs_f64() * 1e3
        );
    }
    runtime
        .block_on(server.drop_database(legacy_database))
        .expect("it is dropped");
}

struct Watched {
    elapsed: Duration,
    usual: Duration,
    longest: Duration,
}

/// Measures how long each row of a writer takes during this work.
fn watch(database: &Database, work: fn(&Database)) -> Watched {
    let writer = Writer::start(database);
    thread::sleep(Duration::from_secs(1));
    let started = Instant::now();
    work(database);
    let elapsed = started.elapsed();
    let waits = writer.stop();
    Watched {
        elapsed,
        usual: waits[waits.len() / 2],
        longest: waits.last().copied().unwrap_or_default(),
    }
}

async fn copy(database: &Database) -> Database {
    let name = format!("{}_copy", database.name);
    let admin = Database {
        url: database.url.replace(&database.name, "postgres"),
        ..database.clone()
    };
    let create = format!(
        "CREATE DATABASE {name} TEMPLATE {} STRATEGY file_copy",
        database.name
    );
    admin.execute([create, "CHECKPOINT".to_owned()]).await;
    Database {
        url: database.url.replace(&database.name, &name),
        name,
        ..database.clone()
    }
}

/// Creates a legacy table with rows: its foreign key has no CASCADE, and it has no index on `doc_id`.
async fn legacy(database: &Database, rows: u64) {
    let (id, series) = match database.backend() {
        DbBackend::Postgres => ("serial PRIMARY KEY", "generate_series(1, {n}) AS s (n)"),
        DbBackend::MySql => (
            "int AUTO_INCREMENT PRIMARY KEY",
            "(SELECT seq AS n FROM seq_1_to_{n}) s",
        ),
        _ => (
            "INTEGER PRIMARY KEY",
            "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {n}) SELECT n FROM s)",
        ),
    };
    let of = |count: u64| series.replace("{n}", &count.to_string());
    database
        .execute([
            format!("CREATE TABLE documents (id {id})"),
            format!("INSERT INTO documents (id) SELECT n FROM {}", of(DOCUMENTS)),
            format!(
                "CREATE TABLE vectors (id {id}, doc_id integer NOT NULL, page integer NOT NULL, \
                 vector_ids {} NOT NULL, FOREIGN KEY (doc_id) REFERENCES documents (id))",
                match database.backend() {
                    DbBackend::MySql => "longtext CHARACTER SET utf8mb4",
                    _ => "text",
                }
            ),
            format!(
                "INSERT INTO vectors (doc_id, page, vector_ids) SELECT 1 + n % {DOCUMENTS}, n, '[\"a\"]' FROM {}",
                of(rows)
            ),
        ])
        .await;
    if database.backend() == DbBackend::Postgres {
        database.execute(["VACUUM ANALYZE vectors"]).await;
    }
}

/// Runs the built program and returns its time and its peak memory in KiB.
fn repair(database: &Database) -> (Duration, f64) {
    let ended = measured::run(
        Command::new(workspace().join("target/debug/migration"))
            .args(["repair", "-u", &database.url])
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    let status = ended.status;
    assert!(status.success(), "repair of {database} ended with {status}");
    (ended.time, ended.peak_kib)
}

/// A thread that inserts one row after another on one connection.
struct Writer {
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Vec<Duration>>,
}

impl Writer {
    fn start(database: &Database) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (database, is_over) = (database.clone(), Arc::clone(&over));
        let thread = thread::spawn(move || {
            let runtime = Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let db = database.connect().await;
                let mut waits = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    db.execute_unprepared(
                        "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (7, 1, '[]')",
                    )
                    .await
                    .expect("a row");
                    waits.push(started.elapsed());
                }
                waits
            })
        });
        Self { over, thread }
    }

    /// Stops the thread and returns how long each row took, the shortest time first.
    fn stop(self) -> Vec<Duration> {
        self.over.store(true, Ordering::Relaxed);
        let mut waits = self.thread.join().expect("the writer");
        waits.sort();
        waits
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}
