//! The speed of `audit` with and without points, next to the plain SELECT of the text and a Python script, with the peak
//! memory of each.
//!
//! `tests/bench audit [PAGES [ENGINE]]` prints the tables of docs/performance.md; without a number, of 100,000 pages.

#[path = "../end_to_end/engines/mod.rs"]
#[allow(dead_code)]
mod engines;

#[path = "measured.rs"]
mod measured;

use std::{
    env, fs,
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
};

use engines::{Database, Engine, Server, workspace};
use entity::{Page, VectorId, VectorIds, prelude::*};
use futures_util::TryStreamExt;
use measured::{Ended, median};
use migration::{CreateDocuments, Runner};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend,
    sqlx::{self, Row},
};
use tokio::runtime::Runtime;

const ENGINES: [&str; 3] = ["postgres15", "mariadb", "sqlite"];
const ROUNDS: usize = 3;
const PAGES: i32 = 100_000;
const PAGES_OF_DOCUMENT: i32 = 100;
const IDS: usize = 1_030;

/// What the Python script is given no more of: its sets take over 100 bytes an id.
const MOST_PAGES_OF_PYTHON: i32 = 20_000;

/// Every thousandth id is no point, and as many points are no id.
const DAMAGE: u64 = 1_000;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|one| one != "--bench").collect();
    let pages = |pages: &str| pages.parse().expect("a number of pages");
    let (pages, engines) = match arguments.as_slice() {
        [first, url] if first == "select" => return select(url),
        [] => (PAGES, ENGINES.to_vec()),
        [number] => (pages(number), ENGINES.to_vec()),
        [number, engine] => (pages(number), vec![engine.as_str()]),
        other => panic!("{other:?}"),
    };
    let runtime = Runtime::new().expect("a runtime");
    for engine in engines::engines() {
        if engines.contains(&engine.name) {
            let server = engine.start().expect("a server");
            compare(&runtime, engine, &server, pages);
        }
    }
}

fn compare(runtime: &Runtime, engine: Engine, server: &Server, pages: i32) {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let database = runtime
        .block_on(server.create_database(engine))
        .expect("a database");
    runtime.block_on(fill(&database, pages, &points));
    let mut contestants = vec![
        Contestant::Select,
        Contestant::Audit,
        Contestant::AuditWithPoints,
    ];
    if pages <= MOST_PAGES_OF_PYTHON {
        contestants.extend([Contestant::Python, Contestant::PythonWithPoints]);
    }
    let mut runs: Vec<Vec<Ended>> = contestants.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (contestant, runs) in contestants.iter().zip(&mut runs) {
            runs.push(contestant.run(&database, &points));
        }
    }
    let plain = seconds(&runs[0]);
    println!("\n### {}, {pages} pages of {IDS} ids\n", engine.name);
    println!("| | seconds | pages/s | × SELECT | peak memory |\n|---|---:|---:|---:|---:|");
    for (contestant, runs) in contestants.iter().zip(&runs) {
        let seconds = seconds(runs);
        println!(
            "| {} | {seconds:.2} | {:.0} | {:.2} | {:.0} MiB |",
            contestant.name(),
            f64::from(pages) / seconds,
            plain / seconds,
            median(runs.iter().map(|run| run.peak_kib)) / 1024.0
        );
    }
    runtime
        .block_on(server.drop_database(database))
        .expect("it is dropped");
}

/// The points are spelled as Qdrant spells them, in another order than the rows.
async fn fill(database: &Database, pages: i32, points: &Path) {
    let db = database.connect().await;
    let runner = Runner::new().create_documents(CreateDocuments::Anywhere);
    runner.up(&db, None).await.expect("up");
    let mut file = BufWriter::new(fs::File::create(points).expect("a file"));
    let mut number: u64 = 0;
    let documents = pages / PAGES_OF_DOCUMENT;
    for doc_id in 1..=documents {
        let document = format!("INSERT INTO documents (id) VALUES ({doc_id})");
        db.execute_unprepared(&document).await.expect("a document");
        let pages: Vec<Page> = (0..PAGES_OF_DOCUMENT).map(page).collect();
        let ids: Vec<&VectorId> = pages.iter().flat_map(|page| page.ids.iter()).collect();
        for id in ids.into_iter().rev() {
            number += 1;
            let id = match number % DAMAGE {
                0 => VectorId::from(format!("{:032x}", fastrand::u128(..))),
                _ => id.clone(),
            };
            let id = id.as_uuid().expect("a UUID");
            writeln!(file, "{}", id.hyphenated()).expect("a line");
        }
        Vectors::record_pages(&db, doc_id, pages)
            .await
            .expect("recorded");
    }
    file.flush().expect("the points");
    if database.backend() == DbBackend::Postgres {
        db.execute_unprepared("VACUUM ANALYZE")
            .await
            .expect("vacuumed");
    }
    db.close().await.expect("it closes");
}

fn page(number: i32) -> Page {
    let random = || VectorId::from(format!("{:032x}", fastrand::u128(..)));
    let ids: VectorIds = (0..IDS).map(|_| random()).collect();
    Page { number, ids }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Contestant {
    /// sqlx, without decoding.
    Select,
    Audit,
    AuditWithPoints,
    /// A set of ids and json.loads.
    Python,
    PythonWithPoints,
}

impl Contestant {
    fn name(self) -> &'static str {
        match self {
            Self::Select => "plain SELECT, sqlx",
            Self::Audit => "audit",
            Self::AuditWithPoints => "audit --points",
            Self::Python => "Python",
            Self::PythonWithPoints => "Python, with points",
        }
    }

    fn run(self, database: &Database, points: &Path) -> Ended {
        let mut command = match self {
            Self::Select => {
                let mut command = Command::new(env::current_exe().expect("this program"));
                command.args(["select", &database.url]);
                command
            }
            Self::Audit | Self::AuditWithPoints => {
                let mut command = Command::new(workspace().join("target/release/migration"));
                command.args(["audit", "-u", &database.url]);
                command
            }
            Self::Python | Self::PythonWithPoints => {
                let mut command = Command::new(workspace().join("target/venv/bin/python"));
                let script = workspace().join("tests/python/bench_audit.py");
                command.arg(script).arg(database.sqlalchemy_url());
                command
            }
        };
        match self {
            Self::AuditWithPoints => drop(command.arg("--points").arg(points)),
            Self::PythonWithPoints => drop(command.arg(points)),
            Self::Select | Self::Audit | Self::Python => {}
        }
        let ended = measured::run(command.stdout(Stdio::null()).stderr(Stdio::inherit()));
        // 1 is the exit status of findings.
        let wanted = if self == Self::AuditWithPoints { 1 } else { 0 };
        assert_eq!(ended.status.code(), Some(wanted), "{command:?}");
        ended
    }
}

fn seconds(runs: &[Ended]) -> f64 {
    median(runs.iter().map(|run| run.time.as_secs_f64()))
}

/// In a process of its own.
fn select(url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1);
        let db = sea_orm::Database::connect(options)
            .await
            .expect("a connection");
        println!("{}", bytes(&db).await);
    });
}

/// The bytes of all texts.
async fn bytes(db: &DatabaseConnection) -> usize {
    const ALL: &str = "SELECT id, doc_id, page, vector_ids FROM vectors";
    macro_rules! select {
        ($pool:expr) => {{
            let mut rows = sqlx::query(ALL).fetch($pool);
            let mut bytes = 0;
            while let Some(row) = rows.try_next().await.expect(ALL) {
                bytes += row.get::<&str, _>(3).len();
            }
            bytes
        }};
    }
    match db.get_database_backend() {
        DbBackend::Postgres => select!(db.get_postgres_connection_pool()),
        DbBackend::MySql => select!(db.get_mysql_connection_pool()),
        _ => select!(db.get_sqlite_connection_pool()),
    }
}
