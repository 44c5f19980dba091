//! The end-to-end tests: every test on every engine that it names, each in a database of its own.

mod engines;
mod programs;
mod proxy;
mod suites;

use std::{collections::BTreeMap, env, panic::AssertUnwindSafe, process::ExitCode, sync::Arc};

use libtest_mimic::{Arguments, Failed, Trial};

use engines::{Database, Engine, Server};
use suites::Test;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if !arguments.list && !programs::build_migration() {
        return ExitCode::FAILURE;
    }
    let mut trials = Vec::new();
    let mut left_out = Vec::new();
    // A server ends with the thread that started it, so this thread starts them all.
    let mut servers = BTreeMap::new();
    for engine in engines::engines() {
        let (left, tests): (Vec<Test>, Vec<Test>) = suites::tests(engine)
            .into_iter()
            .partition(|test| suites::missing(engine, test).is_some());
        left_out.extend(left.iter().map(|test| {
            let program = suites::missing(engine, test).unwrap_or_default();
            format!("{}: no {program}", name(engine, test))
        }));
        let wanted = tests.iter().any(|test| selected(&arguments, engine, test));
        if arguments.list || !wanted {
            trials.extend(tests.into_iter().map(|test| listed(engine, test)));
            continue;
        }
        match engine.start() {
            Ok(server) => {
                let server = Arc::new(server);
                servers.insert(engine.name, Arc::clone(&server));
                let trial = |test| trial(engine, Arc::clone(&server), test);
                trials.extend(tests.into_iter().map(trial));
            }
            Err(reason) => left_out.push(format!("{}: {reason}", engine.name)),
        }
    }
    trials.extend(
        suites::without_engine()
            .into_iter()
            .map(|(name, body)| Trial::test(name, move || caught(AssertUnwindSafe(body)))),
    );

    if let Some(reason) = engines::unnamed() {
        eprintln!("NOT TESTED {reason}");
    }
    for reason in &left_out {
        eprintln!("LEFT OUT {reason}");
    }
    if !left_out.is_empty() && env::var_os("TEST_ALL_ENGINES").is_some() {
        return ExitCode::FAILURE;
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(servers);
    if !left_out.is_empty() {
        eprintln!("tests/run installs what was left out: {}", left_out.len());
    }
    conclusion.exit_code()
}

fn selected(arguments: &Arguments, engine: Engine, test: &Test) -> bool {
    let name = name(engine, test);
    let matches = |pattern: &String| match arguments.exact {
        true => name == *pattern,
        false => name.contains(pattern),
    };
    arguments.filter.as_ref().is_none_or(matches) && !arguments.skip.iter().any(matches)
}

fn name(engine: Engine, test: &Test) -> String {
    format!("{}::{}", engine.name, test.name)
}

fn listed(engine: Engine, test: Test) -> Trial {
    Trial::test(name(engine, &test), || {
        Err(Failed::from("the engine was not started"))
    })
}

fn trial(engine: Engine, server: Arc<Server>, test: Test) -> Trial {
    Trial::test(name(engine, &test), move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let _alone = engine.alone();
        let database = runtime.block_on(server.create_database(engine))?;
        let outcome = {
            let database: Database = database.clone();
            caught(AssertUnwindSafe(|| runtime.block_on((test.body)(database))))
        };
        runtime.block_on(server.drop_database(database))?;
        outcome
    })
}

/// A panic is the test's failure, and must not keep its database from being dropped.
fn caught(body: impl FnOnce() + std::panic::UnwindSafe) -> Result<(), Failed> {
    std::panic::catch_unwind(body).map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Failed::from(text.unwrap_or("the test panicked".to_owned()))
    })
}
