//! How long each test took, so that a run that grows is noticed.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const SHOWN: usize = 10;

static TAKEN: Mutex<Vec<(String, Duration)>> = Mutex::new(Vec::new());

/// Runs a test and notes its time. `name` is `ENGINE::SUITE::TEST`, or without an engine `SUITE::TEST`.
pub fn timed<T>(name: &str, test: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let outcome = test();
    let taken = (name.to_owned(), started.elapsed());
    TAKEN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(taken);
    outcome
}

/// The slowest tests and the time of each suite.
pub fn summary() -> String {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
    summary
}

fn line(summary: &mut String, time: Duration, name: &str) {
    let _ = writeln!(summary, "{:9.1} s  {name}", time.as_secs_f64());
}

fn suite(name: &str) -> &str {
    let (before_test, _) = name.rsplit_once("::").unwrap_or((name, ""));
    before_test.rsplit("::").next().unwrap_or(before_test)
}
