//! Measures how fast pages are written and read, and the peak memory, in comparison with SQLAlchemy and with the driver
//! alone.
//!
//! `tests/bench rows` prints the tables of docs/performance.md and draws its picture. `tests/bench rows --quick` runs
//! three rounds instead of five, and only the tables of writing and reading.

#[path = "../../end_to_end/engines/mod.rs"]
#[allow(dead_code)]
mod engines;

#[path = "../measured.rs"]
#[allow(dead_code)]
mod measured;

mod chart;
mod contestant;
mod up;

use std::{env, fs};

use engines::{Database, Engine, Server, workspace};
use migration::{CreateDocuments, Runner};
use sea_orm::{ConnectionTrait, DbBackend};
use tokio::runtime::Runtime;

use contestant::{Action, Contestant, Run};
use measured::median;

const ENGINES: [&str; 3] = ["postgres15", "mariadb", "sqlite"];

/// The extent of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Quick,
    Whole,
}

impl Extent {
    fn rounds(self) -> usize {
        match self {
            Self::Quick => 3,
            Self::Whole => ROUNDS,
        }
    }
}

const ROUNDS: usize = 5;

/// The amounts of work. A page of ColPali v1 has 1,030 ids, a page of a later model more, of a smaller model fewer.
const WORKS: [Work; 3] = [
    Work {
        documents: 20,
        pages: 100,
        ids: 1_030,
    },
    Work {
        documents: 10,
        pages: 20,
        ids: 5_000,
    },
    Work {
        documents: 200,
        pages: 100,
        ids: 50,
    },
];

#[derive(Clone, Copy)]
pub struct Work {
    pub documents: i32,
    /// The pages of each document.
    pub pages: i32,
    /// The ids of each page.
    pub ids: usize,
}

impl Work {
    fn all_pages(self) -> f64 {
        f64::from(self.documents) * f64::from(self.pages)
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|one| one != "--bench").collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == "contestant"
    {
        return contestant::take_part(rest);
    }
    let extent = match arguments.as_slice() {
        [] => Extent::Whole,
        [quick] if quick == "--quick" => Extent::Quick,
        other => panic!("rows [--quick], not {other:?}"),
    };
    let runtime = Runtime::new().expect("a runtime");
    for engine in engines::engines() {
        if !ENGINES.contains(&engine.name) {
            continue;
        }
        let server = engine.start().expect("a server");
        if engine.backend == DbBackend::MySql {
            runtime.block_on(allow_long_statements(&server));
        }
        for work in WORKS {
            compare(&runtime, engine, &server, work, extent);
        }
        if engine.backend == DbBackend::Postgres && extent == Extent::Whole {
            storages(&runtime, engine, &server);
            grow(&runtime, engine, &server);
            up::compare(&runtime, engine, &server);
        }
    }
}

/// Raises the limit to the server's default, because SQLAlchemy writes a document in one statement and the tests' server
/// has a lower limit.
async fn allow_long_statements(server: &Server) {
    let db = sea_orm::Database::connect(server.admin.as_str());
    let set = "SET GLOBAL max_allowed_packet = 16777216";
    let db = db.await.expect("a connection");
    db.execute_unprepared(set).await.expect(set);
}

/// Creates a database for one run.
fn database(
    runtime: &Runtime,
    engine: Engine,
    server: &Server,
    work: Work,
    last: Option<u32>,
) -> Database {
    runtime.block_on(async {
        let database = server.create_database(engine).await.expect("a database");
        let db = database.connect().await;
        up(&db, last).await;
        let ids: Vec<String> = (1..=work.documents).map(|id| format!("({id})")).collect();
        let documents = format!("INSERT INTO documents (id) VALUES {}", ids.join(", "));
        db.execute_unprepared(&documents).await.expect("documents");
        db.close().await.expect("it closes");
        database
    })
}

fn compare(runtime: &Runtime, engine: Engine, server: &Server, work: Work, extent: Extent) {
    let writers = Contestant::of(Action::Write, engine.backend);
    let readers = Contestant::of(Action::Read, engine.backend);
    let mut writes = vec![Vec::new(); writers.len()];
    let mut reads = vec![Vec::new(); readers.len()];
    for _ in 0..extent.rounds() {
        for (writer, runs) in writers.iter().zip(&mut writes) {
            // The Python application's table keeps the server's default storage.
            let last = (!writer.is_rust()).then_some(2);
            let database = database(runtime, engine, server, work, last);
            runs.push(writer.run(Action::Write, &database, work));
            if *writer == Contestant::Ours {
                for (reader, runs) in readers.iter().zip(&mut reads) {
                    runs.push(reader.run(Action::Read, &database, work));
                }
            }
            runtime
                .block_on(server.drop_database(database))
                .expect("it is dropped");
        }
    }
    let Work { ids, .. } = work;
    let pages = work.all_pages();
    println!("\n### {}, {pages} pages of {ids} ids\n", engine.name);
    table("write", &writers, &writes, work, Contestant::Core);
    table("read", &readers, &reads, work, Contestant::Orm);
}

fn table(
    title: &str,
    contestants: &[Contestant],
    runs: &[Vec<Run>],
    work: Work,
    beside: Contestant,
) {
    let speed = |runs: &[Run]| work.all_pages() / median(runs.iter().map(|run| run.seconds));
    let of = |one: Contestant| {
        contestants
            .iter()
            .position(|other| *other == one)
            .map(|at| &runs[at])
    };
    let driver = Contestant::driver(contestants);
    println!(
        "| {title} | pages/s | × {} | × {} | peak memory |\n|---|---:|---:|---:|---:|",
        beside.name(),
        driver.name()
    );
    for (contestant, runs) in contestants.iter().zip(runs) {
        let speed = speed(runs);
        println!(
            "| {} | {speed:.0} | {} | {} | {:.0} MiB |",
            contestant.name(),
            ratio(runs, of(beside)),
            ratio(runs, of(driver)),
            median(runs.iter().map(|run| run.peak_kib)) / 1024.0,
        );
    }
    println!();
}

/// Returns how many times as fast as another contestant the first one is: the median and the range of the rounds.
fn ratio(runs: &[Run], others: Option<&Vec<Run>>) -> String {
    let rounds = || {
        let others = others.into_iter().flatten();
        runs.iter()
            .zip(others)
            .map(|(run, other)| other.seconds / run.seconds)
    };
    let (least, most) = (
        rounds().fold(f64::INFINITY, f64::min),
        rounds().fold(0.0, f64::max),
    );
    format!("{:.2} ({least:.2}–{most:.2})", median(rounds()))
}

/// Compares the storages of `vector_ids` on PostgreSQL.
fn storages(runtime: &Runtime, engine: Engine, server: &Server) {
    const STORAGES: [(&str, &str); 3] = [
        ("pglz, the server's own", "COMPRESSION pglz"),
        ("lz4", "COMPRESSION lz4"),
        ("uncompressed (EXTERNAL)", "STORAGE EXTERNAL"),
    ];
    let work = WORKS[0];
    let mut measured = vec![(Vec::new(), Vec::new(), Vec::new()); STORAGES.len()];
    for _ in 0..ROUNDS {
        for ((_, storage), (writes, reads, sizes)) in STORAGES.iter().zip(&mut measured) {
            let database = database(runtime, engine, server, work, Some(2));
            let set = format!("ALTER TABLE vectors ALTER vector_ids SET {storage}");
            runtime.block_on(database.execute([set]));
            writes.push(Contestant::Ours.run(Action::Write, &database, work).seconds);
            reads.push(Contestant::Ours.run(Action::Read, &database, work).seconds);
            sizes.push(runtime.block_on(size(&database)));
            runtime
                .block_on(server.drop_database(database))
                .expect("it is dropped");
        }
    }
    println!("### {}, how vector_ids is stored\n", engine.name);
    println!("| storage | write, pages/s | read, pages/s | on disk |\n|---|---:|---:|---:|");
    for ((name, _), (writes, reads, sizes)) in STORAGES.iter().zip(measured) {
        println!(
            "| {name} | {:.0} | {:.0} | {:.1} MiB |",
            work.all_pages() / median(writes.into_iter()),
            work.all_pages() / median(reads.into_iter()),
            median(sizes.into_iter()) / 1024.0 / 1024.0
        );
    }
    println!();
}

async fn size(database: &Database) -> f64 {
    let db = database.connect().await;
    let sql = "SELECT pg_total_relation_size('vectors')::float8";
    let row = db.query_one_raw(sea_orm::Statement::from_string(DbBackend::Postgres, sql));
    let size = row.await.expect(sql).expect("a row");
    size.try_get_by_index(0).expect("a number")
}

/// Measures writing from a hundred pages to a hundred thousand, and draws the picture.
fn grow(runtime: &Runtime, engine: Engine, server: &Server) {
    let contestants = [Contestant::Ours, Contestant::Copy, Contestant::Core];
    let mut lines = vec![Vec::new(); contestants.len()];
    for documents in [1, 10, 100, 1_000] {
        let work = Work {
            documents,
            pages: 100,
            ids: 50,
        };
        let mut runs = vec![Vec::new(); contestants.len()];
        for _ in 0..ROUNDS {
            for (contestant, runs) in contestants.iter().zip(&mut runs) {
                let last = (!contestant.is_rust()).then_some(2);
                let database = database(runtime, engine, server, work, last);
                runs.push(contestant.run(Action::Write, &database, work).seconds);
                runtime
                    .block_on(server.drop_database(database))
                    .expect("it is dropped");
            }
        }
        for (runs, line) in runs.into_iter().zip(&mut lines) {
            let seconds = median(runs.into_iter());
            line.push((work.all_pages(), work.all_pages() / seconds));
        }
    }
    println!("### {}, growth: pages/s of pages of 50 ids\n", engine.name);
    println!(
        "| pages | {} |",
        contestants.map(Contestant::name).join(" | ")
    );
    println!("|---:|---:|---:|---:|");
    for point in 0..lines[0].len() {
        let speeds: Vec<String> = lines
            .iter()
            .map(|line| format!("{:.0}", line[point].1))
            .collect();
        println!("| {} | {} |", lines[0][point].0, speeds.join(" | "));
    }
    let picture = chart::draw(&contestants.map(Contestant::name), &lines);
    let file = workspace().join("docs/growth.svg");
    fs::write(&file, picture).expect("the picture is written");
    println!();
}

pub async fn up(db: &sea_orm::DatabaseConnection, steps: Option<u32>) {
    let runner = Runner::new().create_documents(CreateDocuments::Anywhere);
    runner.up(db, steps).await.expect("up");
}
