//! The database answers a request with an error, once or from there on. `up` then succeeds or fails
//! with one sentence, it ends, and when the error is gone the next run completes.

use std::time::Duration;

use sea_orm::DbBackend;
use tokio::time::timeout;

use super::{
    Test,
    crashes::Tally,
    work::{Given, Point, Work},
};
use crate::{
    engines::{Database, Engine},
    programs::Finished,
    proxy::{self, Answered, ServerError, Times},
    system_calls::{self, SystemError},
    tier::{self, Tier},
};

/// Much longer than a migrator with `--lock-wait 1` waits.
const END: Duration = Duration::from_secs(90);

pub fn tests(engine: Engine) -> Vec<Test> {
    // Both versions of PostgreSQL get the same requests.
    if engine.name == "postgres18" && Tier::current() == Tier::Exhaustive {
        return Vec::new();
    }
    let works: [fn(DbBackend) -> Work; 2] = [
        |_| Work::up_on_an_empty_database(),
        Work::up_on_a_legacy_shape,
    ];
    let times = [Times::Once, Times::FromThereOn];
    let cases = || {
        works
            .into_iter()
            .flat_map(|work| times.map(|times| (work, times)))
    };
    let name = |what: &str, work: fn(DbBackend) -> Work, times| {
        let often = match times {
            Times::Once => "once",
            Times::FromThereOn => "from_there_on",
        };
        let work = work(engine.backend).name.replace(' ', "_");
        format!("{work}_survives_{}_{often}", what.replace(' ', "_"))
    };
    let of_servers = |errors: &'static [ServerError]| {
        let each = cases().flat_map(|case| errors.iter().map(move |error| (case, *error)));
        each.map(|((work, times), error)| {
            let name = name(error.code, work, times);
            let test = Test::new(module_path!(), &name, move |database| {
                Box::pin(server_answers(database, work, error, times))
            });
            test.one_of(error.code)
        })
        .collect()
    };
    match engine.backend {
        DbBackend::Postgres => of_servers(&proxy::POSTGRES),
        DbBackend::MySql => of_servers(&proxy::MYSQL),
        _ => {
            let errors = system_calls::ERRORS;
            let each = cases().flat_map(|case| errors.map(|error| (case, error)));
            each.map(|((work, times), error)| {
                let name = name(error.about, work, times);
                let test = Test::new(module_path!(), &name, move |database| {
                    Box::pin(system_answers(database, work, error, times))
                });
                test.one_of(error.about)
            })
            .collect()
        }
    }
}

async fn server_answers(
    database: Database,
    work: fn(DbBackend) -> Work,
    error: ServerError,
    times: Times,
) {
    let work = work(database.backend());
    let mut given = work.begin(&database).await;
    let sent = proxy::requests(work.command(), &database).await;
    let faults = format!("answers {} {times:?}", error.code);
    let mut tally = Tally::of(&faults, &work, &database, sent.len());
    let mut choices = tier::choices((database.engine.name, work.name, &faults));
    for passed in tier::sample(sent.len(), [], 1, &mut choices) {
        let _point = Point(format!("{}: request {passed} {faults}", work.name));
        given.again().await;
        let answered = Answered {
            passed,
            error,
            times,
        };
        let run = proxy::answer(work.impatient_command(), &database, answered);
        let ended = timeout(END, run).await.expect("it ends");
        let finished = ended.finished.expect("nobody killed it");
        is_survived(&given, finished, ended.at_the_fault).await;
        tally.count(ended.at_the_fault);
    }
    tally.print();
}

async fn system_answers(
    database: Database,
    work: fn(DbBackend) -> Work,
    error: SystemError,
    times: Times,
) {
    let work = work(DbBackend::Sqlite);
    let mut given = work.begin(&database).await;
    let mut calls = system_calls::calls(&work.command(), &database);
    calls.retain(|call| error.concerns(call));
    let faults = format!("{} {times:?}", error.about);
    let mut tally = Tally::of(&faults, &work, &database, calls.len());
    let mut choices = tier::choices((work.name, &faults));
    for at in tier::sample(calls.len(), [], 1, &mut choices) {
        let call = calls[at];
        let _point = Point(format!("{}: {faults} at {call:?}", work.name));
        given.again().await;
        let command = work.impatient_command();
        let finished = system_calls::fail(&command, &database, call, error, times);
        is_survived(&given, finished, true).await;
        tally.count(true);
    }
    tally.print();
}

async fn is_survived(given: &Given<'_>, finished: Finished, at_the_fault: bool) {
    match finished.code {
        Some(0) => {}
        _ => {
            assert!(at_the_fault, "{finished:?}");
            finished.expect_error();
        }
    }
    given.is_survived().await;
}
