//! The end-to-end tests: every test on every engine that it names, each in a database of its own.

mod conditions;
mod engines;
mod later;
mod programs;
mod proxy;
mod store;
mod suites;
mod system_calls;
mod tier;
mod timing;
mod turns;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    panic::AssertUnwindSafe,
    process::ExitCode,
    sync::Arc,
};

use libtest_mimic::{Arguments, Failed, Trial};

use engines::{Database, Engine, Started};
use suites::Test;
use tier::Tier;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let (mut tests, left_out) = tests();
    if left_out.is_empty() {
        require_names_that_wait(&tests);
    }
    if arguments.filter.is_none() && Tier::current() == Tier::Quick {
        draw(&mut tests);
    }
    if let Some(reason) = engines::unnamed() {
        eprintln!("NOT TESTED {reason}");
    }
    for reason in &left_out {
        eprintln!("LEFT OUT {reason}");
    }
    if !left_out.is_empty() && env::var_os("TEST_ALL_ENGINES").is_some() {
        return ExitCode::FAILURE;
    }
    if !arguments.list && !programs::build() {
        return ExitCode::FAILURE;
    }
    println!("TEST_SEED={} repeats the choices of this run", tier::seed());

    let trials = trials(&arguments, tests);
    if arguments.test_threads.is_none() {
        let waiting = trials.iter().filter(|trial| suites::waits(trial.name()));
        let waiting = waiting.count().min(turns::MOST_WAITING);
        arguments.test_threads = Some(turns::at_once() + waiting);
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        print!("{}", timing::summary());
    }
    engines::template::remove();
    conclusion.exit_code()
}

/// Returns the tests that this machine has the servers and programs for, by engine, and what is
/// missing for the others.
fn tests() -> (Vec<(Engine, Vec<Test>)>, Vec<String>) {
    let mut left_out = Vec::new();
    let mut all = Vec::new();
    for engine in engines::engines() {
        if let Some(program) = engine.missing() {
            left_out.push(format!("{}: no {}", engine.name, program.display()));
            continue;
        }
        let mut tests = suites::tests(engine);
        tests.retain(|test| match suites::missing(engine, test) {
            Some(program) => {
                left_out.push(format!("{}: no {program}", name(engine, test)));
                false
            }
            None => true,
        });
        all.push((engine, tests));
    }
    (all, left_out)
}

fn trials(arguments: &Arguments, tests: Vec<(Engine, Vec<Test>)>) -> Vec<Trial> {
    // The servers start while these tests run.
    let without_engine = suites::without_engine().into_iter();
    let mut trials: Vec<Trial> = without_engine
        .map(|(name, body)| {
            let test = move || {
                let _turn = turns::wait_for(name);
                timing::timed(name, || caught(AssertUnwindSafe(body)))
            };
            Trial::test(name, test)
        })
        .collect();
    for (engine, mut tests) in tests {
        tests.retain(|test| selected(arguments, &name(engine, test)));
        if arguments.list {
            trials.extend(tests.iter().map(|test| listed(name(engine, test))));
        } else if !tests.is_empty() {
            let started = Arc::new(engine.start_in_the_background());
            let trial = |test| trial(engine, Arc::clone(&started), test);
            trials.extend(tests.into_iter().map(trial));
        }
    }
    trials.sort_by_key(|trial| !suites::waits(trial.name()));
    trials
}

/// Requires that each name in the list of tests that wait is that of a test.
fn require_names_that_wait(tests: &[(Engine, Vec<Test>)]) {
    let of_engines = tests
        .iter()
        .flat_map(|(engine, tests)| tests.iter().map(|test| name(*engine, test)));
    let others = suites::without_engine().into_iter();
    let others = others.map(|(name, _)| name.to_owned());
    let names: Vec<String> = of_engines.chain(others).collect();
    for part in suites::WAIT {
        let is_found = names.iter().any(|name| name.contains(part));
        assert!(is_found, "no test is named {part}, which is said to wait");
    }
}

fn selected(arguments: &Arguments, name: &str) -> bool {
    let matches = |pattern: &String| match arguments.exact {
        true => name == pattern,
        false => name.contains(pattern),
    };
    arguments.filter.as_ref().is_none_or(matches) && !arguments.skip.iter().any(matches)
}

/// Keeps one test of each family. In the suites that run on each engine, both versions of PostgreSQL
/// are one engine.
fn draw(tests: &mut [(Engine, Vec<Test>)]) {
    let family = |engine: Engine, test: &Test| {
        let is_postgres = engines::POSTGRES.contains(&engine.name);
        let engine = match (suites::is_of_each_engine(test), is_postgres) {
            (false, _) => None,
            (true, true) => Some("postgres"),
            (true, false) => Some(engine.name),
        };
        (engine, test.kin.clone())
    };
    let mut families: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (engine, tests) in &*tests {
        for test in tests {
            let family = families.entry(family(*engine, test)).or_default();
            family.push(name(*engine, test));
        }
    }
    let drawn: BTreeSet<String> = families
        .into_iter()
        .filter_map(|(family, tests)| tier::choices(family).choice(tests))
        .collect();
    for (engine, tests) in tests {
        tests.retain(|test| drawn.contains(&name(*engine, test)));
    }
}

fn name(engine: Engine, test: &Test) -> String {
    format!("{}::{}", engine.name, test.name)
}

fn listed(name: String) -> Trial {
    Trial::test(name, || Err(Failed::from("the tests are only listed")))
}

fn trial(engine: Engine, started: Arc<Started>, test: Test) -> Trial {
    let name = name(engine, &test);
    Trial::test(name.clone(), move || {
        let server = started.server()?;
        let _alone = engine.alone();
        let _turn = turns::wait_for(&name);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        timing::timed(&name, || {
            let database = runtime.block_on(server.create_database(engine))?;
            let outcome = {
                let database: Database = database.clone();
                caught(AssertUnwindSafe(|| runtime.block_on((test.body)(database))))
            };
            runtime.block_on(server.drop_database(database))?;
            outcome
        })
    })
}

/// Catches a panic: it is the test's failure, and its database still has to be dropped.
fn caught(body: impl FnOnce() + std::panic::UnwindSafe) -> Result<(), Failed> {
    std::panic::catch_unwind(body).map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Failed::from(text.unwrap_or("the test panicked".to_owned()))
    })
}
