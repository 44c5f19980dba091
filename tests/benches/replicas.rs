//! Measures how many of N migrators fail that start at once: SeaORM's own migrator, and this one.
//!
//! `tests/bench replicas` prints the table of docs/operating.md.

#[path = "../end_to_end/engines/mod.rs"]
#[allow(dead_code)]
mod engines;
#[path = "../end_to_end/programs.rs"]
#[allow(dead_code)]
mod programs;

use std::{
    env,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use engines::{Database, Engine, Server, galera, pgbouncer};
use programs::{all_at_once, migration};
use sea_orm_migration::{prelude::*, schema::*};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let runtime = Runtime::new().expect("a runtime");
    let arguments: Vec<String> = env::args().collect();
    if let [_, command, url] = arguments.as_slice()
        && command == STOCK
    {
        return runtime.block_on(up(url));
    }
    println!(
        "| engine | processes × rounds | SeaORM: failed | ours: failed | SeaORM: a round | ours: a round |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for engine in engines::engines() {
        if let Some(scale) = scale(engine) {
            let server = engine.start().expect("a server");
            measure(&runtime, engine, &server, scale);
        }
    }
    ExitCode::SUCCESS
}

struct Scale {
    processes: usize,
    rounds: usize,
}

fn scale(engine: Engine) -> Option<Scale> {
    let (processes, rounds) = match engine.name {
        "postgres15" => (16, 20),
        "sqlite" | "mariadb" | pgbouncer::NAME => (16, 10),
        galera::NAME => (12, 8),
        _ => return None,
    };
    Some(Scale { processes, rounds })
}

fn measure(runtime: &Runtime, engine: Engine, server: &Server, scale: Scale) {
    let Scale { processes, rounds } = scale;
    let database = runtime
        .block_on(server.create_database(engine))
        .expect("a database");
    let mut measured = [Measured::default(), Measured::default()];
    for _ in 0..rounds {
        for (process, measured) in [stock, ours].into_iter().zip(&mut measured) {
            runtime.block_on(database.empty());
            measured.round(&database, processes, process);
        }
    }
    let runs = processes * rounds;
    let [stock, ours] = measured;
    println!(
        "| {} | {processes} × {rounds} | {} of {runs} | {} of {runs} | {:.2} s | {:.2} s |",
        engine.name,
        stock.failed,
        ours.failed,
        stock.median(),
        ours.median(),
    );
    runtime
        .block_on(server.drop_database(database))
        .expect("it is dropped");
}

#[derive(Default)]
struct Measured {
    failed: usize,
    /// The time of each round, from the start of the first process to the end of the last.
    rounds: Vec<Duration>,
}

impl Measured {
    fn round(&mut self, database: &Database, processes: usize, process: fn(&str) -> Command) {
        let doors = database.doors.iter().cycle().take(processes);
        let started = Instant::now();
        let finished = all_at_once(doors.map(|door| process(door)));
        self.rounds.push(started.elapsed());
        self.failed += finished.iter().filter(|one| one.code != Some(0)).count();
    }

    fn median(&self) -> f64 {
        let mut rounds = self.rounds.clone();
        rounds.sort();
        rounds[rounds.len() / 2].as_secs_f64()
    }
}

fn ours(url: &str) -> Command {
    let mut command = migration();
    command.args(["up", "-u", url]);
    command
}

const STOCK: &str = "stock";

fn stock(url: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args([STOCK, url]);
    command
}

/// Runs SeaORM's own migrator, with a pool like that of this program: two connections without prepared statements.
async fn up(url: &str) -> ExitCode {
    let mut options = sea_orm::ConnectOptions::new(url);
    options
        .max_connections(2)
        .map_sqlx_postgres_opts(|options| options.statement_cache_capacity(0));
    let done = async {
        let db = sea_orm::Database::connect(options).await?;
        Stock::up(&db, None).await
    };
    match done.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A migrator that creates the same two tables as SeaORM's documentation shows it.
struct Stock;

impl MigratorTrait for Stock {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Documents), Box::new(Vectors)]
    }
}

struct Documents;

impl MigrationName for Documents {
    fn name(&self) -> &str {
        "m20250524_000000_create_documents"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Documents {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let documents = Table::create()
            .table("documents")
            .if_not_exists()
            .col(pk_auto("id"))
            .take();
        manager.create_table(documents).await
    }
}

struct Vectors;

impl MigrationName for Vectors {
    fn name(&self) -> &str {
        "m20250524_120000_create_vectors"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Vectors {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut key = ForeignKey::create()
            .from("vectors", "doc_id")
            .to("documents", "id")
            .on_delete(ForeignKeyAction::Cascade)
            .take();
        let vectors = Table::create()
            .table("vectors")
            .if_not_exists()
            .col(pk_auto("id"))
            .col(integer("doc_id"))
            .col(integer("page"))
            .col(text("vector_ids"))
            .foreign_key(&mut key)
            .take();
        manager.create_table(vectors).await?;
        let index = Index::create()
            .name("ix_vectors_doc_id")
            .table("vectors")
            .col("doc_id")
            .if_not_exists()
            .take();
        manager.create_index(index).await
    }
}
