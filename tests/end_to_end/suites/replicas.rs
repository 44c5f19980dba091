//! Many migrators at once: all succeed, and the result is that of a single one.

use std::{fmt, process::Child, time::Duration};

use sea_orm::{ConnectOptions, DatabaseConnection, DbBackend};

use super::{
    Test,
    inventory::Inventory,
    shape::{lines, tables},
};
use crate::{
    conditions::until,
    engines::{Database, Engine, galera, pgbouncer},
    programs::{Finished, all_at_once, end_of, is_applied, migrate, migration, runner, start},
    tier,
};

pub fn tests(engine: Engine) -> Vec<Test> {
    let mut tests = tests![
        processes_at_once_migrate_a_fresh_database,
        up_repair_and_check_at_once_keep_the_rows,
        up_and_down_at_once_leave_one_of_two_states,
        up_beside_refresh_reset_and_fresh_leaves_one_of_two_states,
        tasks_on_one_pool_migrate,
        tasks_with_a_pool_each_migrate,
    ];
    if engine.name == galera::NAME {
        tests.extend(tests![a_cluster_that_loses_a_node_is_migrated]);
    }
    tests
}

/// How many processes start at once, and how often.
struct Scale {
    processes: usize,
    rounds: usize,
}

fn scale(engine: Engine) -> Scale {
    let (processes, rounds) = match engine.name {
        "postgres15" => (16, 20),
        "postgres18" => (16, 5),
        galera::NAME => (12, 8),
        _ => (16, 10),
    };
    Scale {
        processes: tier::rounds(8, processes),
        rounds: tier::rounds(1, rounds),
    }
}

/// The outcome of many rounds.
struct Tally<'d> {
    database: &'d Database,
    rounds: usize,
    runs: usize,
    failed: Vec<String>,
}

impl<'d> Tally<'d> {
    fn of(database: &'d Database) -> Self {
        Self {
            database,
            rounds: 0,
            runs: 0,
            failed: Vec::new(),
        }
    }

    /// Runs the commands at once, each with the next URL.
    fn round(&mut self, commands: impl IntoIterator<Item = &'static str>) {
        let commands: Vec<&str> = commands.into_iter().collect();
        let doors = self.database.doors.iter().cycle();
        let processes = commands.iter().zip(doors).map(|(command, door)| {
            let mut process = migration();
            process.args([command, "-u", door]);
            process
        });
        let finished = all_at_once(processes);
        for (command, finished) in commands.iter().zip(finished) {
            self.count(command, finished);
        }
        self.rounds += 1;
    }

    fn count(&mut self, command: &str, finished: Finished) {
        self.runs += 1;
        // While other commands run, `check` may see unfinished work, but it must be able to
        // inspect.
        let may_end_with: &[i32] = match command {
            "check" => &[0, 1],
            _ => &[0],
        };
        if !finished
            .code
            .is_some_and(|code| may_end_with.contains(&code))
        {
            let Finished {
                code,
                stdout,
                stderr,
            } = finished;
            let round = self.rounds + 1;
            self.failed.push(format!(
                "round {round}, {command}: {code:?}\n{stdout}{stderr}"
            ));
        }
    }

    /// Prints the numbers, and requires that nothing has failed.
    #[track_caller]
    fn say(&self, what: impl fmt::Display) {
        println!(
            "{}: {what}: {} rounds, {} runs, {} failures",
            self.database.engine.name,
            self.rounds,
            self.runs,
            self.failed.len()
        );
        assert!(self.failed.is_empty(), "{self}");
    }
}

impl fmt::Display for Tally<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.failed.join("\n"))
    }
}

async fn processes_at_once_migrate_a_fresh_database(database: Database) {
    let Scale { processes, rounds } = scale(database.engine);
    let mut tally = Tally::of(&database);
    for _ in 0..rounds {
        database.empty().await;
        tally.round(vec!["up"; processes]);
        assert_eq!(state(&database).await, State::Migrated, "{tally}");
    }
    tally.say(format_args!("{processes} x up on a fresh database"));
}

async fn up_repair_and_check_at_once_keep_the_rows(database: Database) {
    let legacy = match database.backend() {
        DbBackend::Postgres => include_str!("../../shapes/postgres/create_all.sql"),
        DbBackend::MySql => include_str!("../../shapes/mysql/create_all.sql"),
        _ => include_str!("../../shapes/sqlite/create_all.sql"),
    };
    let mut tally = Tally::of(&database);
    for _ in 0..tier::rounds(1, 5) {
        database.empty().await;
        database.execute([legacy]).await;
        let before = Inventory::of(&database).await;
        database.settle().await;

        tally.round(["up", "repair", "check"].into_iter().cycle().take(12));

        assert_eq!(state(&database).await, State::Migrated, "{tally}");
        before.assert_kept_in(&Inventory::of(&database).await);
    }
    tally.say("4 x up, repair and check on a legacy table");
}

async fn up_and_down_at_once_leave_one_of_two_states(database: Database) {
    let mut tally = Tally::of(&database);
    let mut migrated = 0;
    for _ in 0..tier::rounds(1, 8) {
        tally.round(["up", "down"].into_iter().cycle().take(8));
        migrated += usize::from(state(&database).await == State::Migrated);
    }
    tally.say(format_args!(
        "4 x up and down, {migrated} times migrated at the end"
    ));
}

async fn up_beside_refresh_reset_and_fresh_leaves_one_of_two_states(database: Database) {
    let commands: &[&'static str] = match database.engine.name {
        // It drops `documents`, and no lock keeps another node from creating `vectors` at the same
        // time: see operating.md.
        galera::NAME => &["refresh", "reset"],
        _ => &["refresh", "reset", "fresh"],
    };
    for &command in commands {
        let mut tally = Tally::of(&database);
        for _ in 0..tier::rounds(1, 3) {
            tally.round([command, "up", "up", "up"]);
            state(&database).await;
        }
        tally.say(format_args!("{command} beside 3 x up"));
    }
}

fn tasks() -> usize {
    tier::rounds(8, 16)
}

async fn tasks_on_one_pool_migrate(database: Database) {
    for size in [None, Some(1), Some(2)] {
        database.empty().await;
        let pool = pool(&database, 0, size).await;

        all(tasks(), |_| up(database.engine, pool.clone())).await;

        pool.close().await.expect("it closes");
        assert_eq!(state(&database).await, State::Migrated);
    }
    println!(
        "{}: {} tasks on one pool, of the default size, of 1 and of 2: 0 failures",
        database.engine.name,
        tasks()
    );
}

async fn tasks_with_a_pool_each_migrate(database: Database) {
    let mut pools = Vec::new();
    for number in 0..tasks() {
        pools.push(pool(&database, number, None).await);
    }

    all(tasks(), |number| up(database.engine, pools[number].clone())).await;

    assert_eq!(state(&database).await, State::Migrated);
    println!(
        "{}: {} tasks with a pool each: 0 failures",
        database.engine.name,
        tasks()
    );
}

async fn all<F>(count: usize, task: impl Fn(usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let tasks: Vec<_> = (0..count)
        .map(|number| tokio::spawn(task(number)))
        .collect();
    for task in tasks {
        task.await.expect("it succeeds");
    }
}

async fn up(engine: Engine, db: DatabaseConnection) {
    let runner = match engine.name {
        pgbouncer::NAME => runner().behind_pooler(),
        _ => runner(),
    };
    runner.up(&db, None).await.expect("up");
}

async fn pool(database: &Database, number: usize, size: Option<u32>) -> DatabaseConnection {
    let mut url = database.doors[number % database.doors.len()].clone();
    if database.engine.name == pgbouncer::NAME {
        url.push_str("?statement-cache-capacity=0");
    }
    let mut options = ConnectOptions::new(url);
    options
        .acquire_timeout(Duration::from_secs(60))
        .map_sqlx_postgres_opts(|options| options.extra_float_digits(None));
    if let Some(size) = size {
        options.max_connections(size);
    }
    sea_orm::Database::connect(options).await.expect("a pool")
}

/// The processes on the lost node may fail. The others succeed, and the node that comes back has
/// what they have created.
async fn a_cluster_that_loses_a_node_is_migrated(database: Database) {
    const LOST: usize = 2;
    // The cluster of the other tests must keep its nodes.
    let mut cluster = tokio::task::block_in_place(galera::start).expect("a cluster");
    let database = cluster
        .create_database(database.engine)
        .await
        .expect("a database");
    let db = database.connect().await;
    let mut tally = Tally::of(&database);
    for round in 0..tier::rounds(2, 3) {
        database.empty().await;
        let doors = database.doors.iter().cycle().take(12);
        let processes: Vec<Child> = doors
            .map(|door| start(migration().args(["up", "-u", door])))
            .collect();
        // In the first round the node is lost before anything is done, later in the middle.
        until("the first tables", async || {
            tables(&db).await.len() >= round
        })
        .await;
        cluster.processes[LOST].kill().expect("it is killed");
        for (number, process) in processes.into_iter().enumerate() {
            let finished = end_of(process);
            if number % database.doors.len() != LOST {
                tally.count("up", finished);
            }
        }
        tally.rounds += 1;

        galera::bring_back(&mut cluster, LOST).expect("the cluster is whole");
        assert_eq!(state(&database).await, State::Migrated, "{tally}");
    }
    tally.say("12 x up over three nodes, one of which is killed and comes back");
}

#[derive(Debug, PartialEq)]
enum State {
    Migrated,
    /// Except how the ids are stored.
    OneLeft,
    RolledBack,
}

/// Requires that what is recorded exists, that what is not recorded does not, and that every URL
/// shows the same.
async fn state(database: &Database) -> State {
    database.settle().await;
    let db = database.connect().await;
    let tables = tables(&db).await;
    let mut records = Vec::new();
    if tables.iter().any(|table| table == "seaql_migrations") {
        records = lines(&db, "SELECT version FROM seaql_migrations ORDER BY 1").await;
    }
    db.close().await.expect("it closes");
    let is_in = |name: &str| records.iter().any(|record| record.ends_with(name));
    let is_recorded = is_in("create_vectors");
    for door in &database.doors {
        let through = Database {
            url: door.clone(),
            ..database.clone()
        };
        let applied = is_applied(&through, "create_vectors");
        assert_eq!(applied, is_recorded, "{door}");
        let check = migrate(&through, ["check"]);
        assert_eq!(check.code, Some(i32::from(!is_recorded)), "{check:?}");
    }
    if is_recorded && is_in("store_vector_ids") {
        assert_eq!(records.len(), 3, "{records:?}");
        State::Migrated
    } else if is_recorded {
        State::OneLeft
    } else {
        assert!(!tables.iter().any(|table| table == "vectors"), "{tables:?}");
        State::RolledBack
    }
}
