//! Measures `up` if no migration is pending.

use std::{
    fs,
    process::{Command, Stdio},
    time::Instant,
};

use tokio::runtime::Runtime;

use crate::{
    engines::{Database, Engine, Server, workspace},
    measured::median,
    up,
};

const ROUNDS: usize = 9;

/// Compares whole processes, and measures `Migrator::up` in a running service.
pub fn compare(runtime: &Runtime, engine: Engine, server: &Server) {
    let database = runtime
        .block_on(server.create_database(engine))
        .expect("a database");
    let db = runtime.block_on(database.connect());
    runtime.block_on(up(&db, None));
    println!("### {}, `up` with nothing to do\n", engine.name);
    println!("| | wall | CPU |\n|---|---:|---:|");
    let others = runtime
        .block_on(server.create_database(engine))
        .expect("a database");
    // The first run applies the migrations and is not measured.
    alembic(&others).status().expect("alembic");
    let mut commands = [
        ("migration up", migration(&database)),
        ("alembic upgrade head", alembic(&others)),
        ("psql -c 'select 1'", psql(&database)),
    ];
    let mut measured = vec![(Vec::new(), Vec::new()); commands.len()];
    for _ in 0..ROUNDS {
        for ((name, command), (walls, processors)) in commands.iter_mut().zip(&mut measured) {
            let before = processor_seconds();
            let started = Instant::now();
            let status = command.status().expect(name);
            walls.push(started.elapsed().as_secs_f64());
            processors.push(processor_seconds() - before);
            assert!(status.success(), "{name}");
        }
    }
    for ((name, _), (walls, processors)) in commands.iter().zip(measured) {
        let (wall, processor) = (median(walls.into_iter()), median(processors.into_iter()));
        println!(
            "| `{name}` | {:.0} ms | {:.0} ms |",
            wall * 1e3,
            processor * 1e3
        );
    }
    let walls = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        runtime.block_on(up(&db, None));
        started.elapsed().as_secs_f64()
    });
    println!(
        "| `Migrator::up` on an open pool | {:.2} ms | |\n",
        median(walls) * 1e3
    );
}

/// Returns the user and system time of all child processes that have ended, with a resolution of 10 ms.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(13).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn migration(database: &Database) -> Command {
    let mut command = quiet(workspace().join("target/release/migration"));
    command.args(["up", "-u", &database.url]);
    command
}

fn alembic(database: &Database) -> Command {
    let mut command = quiet(workspace().join("target/venv/bin/python"));
    command
        .arg(workspace().join("tests/python/alembic_upgrade.py"))
        .args([database.sqlalchemy_url().as_str(), "head"]);
    command
}

fn psql(database: &Database) -> Command {
    let mut command = quiet("psql");
    command.args([&database.url, "-c", "select 1"]);
    command
}
