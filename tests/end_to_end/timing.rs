//! The time of each test, so that a run that grows is noticed, and the reasons of failures once
//! more at the end.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use libtest_mimic::Failed;

const SHOWN: usize = 10;

/// Lines of each failure, for a reader who looks only at the end of a log.
const LINES_OF_A_FAILURE: usize = 6;

static TAKEN: Mutex<Vec<(String, Duration)>> = Mutex::new(Vec::new());
static FAILURES: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Runs a test and notes its time. `name` is `ENGINE::SUITE::TEST`, or without an engine
/// `SUITE::TEST`.
pub fn timed(name: &str, test: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
    let started = Instant::now();
    let outcome = test();
    note(&TAKEN, (name.to_owned(), started.elapsed()));
    if let Err(failed) = &outcome {
        let reason = failed.message().unwrap_or("no reason given");
        note(&FAILURES, (name.to_owned(), reason.to_owned()));
    }
    outcome
}

fn note<T>(notes: &Mutex<Vec<T>>, one: T) {
    notes
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(one);
}

fn noted<T: Clone>(notes: &Mutex<Vec<T>>) -> Vec<T> {
    notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Returns the slowest tests, the time of each suite, and the failures.
pub fn summary() -> String {
    let mut taken = noted(&TAKEN);
    taken.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    let mut summary = String::from("the slowest tests:\n");
    for (name, time) in taken.iter().take(SHOWN) {
        line(&mut summary, *time, name);
    }
    let mut suites: BTreeMap<&str, Duration> = BTreeMap::new();
    for (name, time) in &taken {
        *suites.entry(suite(name)).or_default() += *time;
    }
    let mut suites: Vec<(&str, Duration)> = suites.into_iter().collect();
    suites.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    summary += "the suites, on all engines, several tests at a time:\n";
    for (suite, time) in suites {
        line(&mut summary, time, suite);
    }
    for (name, reason) in noted(&FAILURES) {
        let _ = writeln!(summary, "FAILED {name}");
        for line in reason.lines().take(LINES_OF_A_FAILURE) {
            let _ = writeln!(summary, "    {line}");
        }
    }
    summary
}

fn line(summary: &mut String, time: Duration, name: &str) {
    let _ = writeln!(summary, "{:9.1} s  {name}", time.as_secs_f64());
}

fn suite(name: &str) -> &str {
    let (before_test, _) = name.rsplit_once("::").unwrap_or((name, ""));
    before_test.rsplit("::").next().unwrap_or(before_test)
}
