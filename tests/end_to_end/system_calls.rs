//! The system calls by which a program changes and locks SQLite's file: one of them fails, or is
//! the last.
//!
//! SQLite has no server, so `strace` does here what the proxy does for the servers.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt,
    process::{Command, Output, Stdio},
};

use crate::{
    engines::Database,
    programs::{Finished, finished},
    proxy::Times,
};

pub const PROGRAM: &str = "/usr/bin/strace";

/// The calls that change the file or its journal, each of which may be the last.
const CHANGES: [&str; 4] = ["pwrite64", "fsync", "fdatasync", "unlink"];
const LOCK: &str = "fcntl";

/// The nth call of this name by one thread.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub name: &'static str,
    pub number: usize,
}

/// The error with which a call fails.
#[derive(Clone, Copy, Debug)]
pub struct SystemError {
    pub about: &'static str,
    calls: &'static [&'static str],
    errno: &'static str,
}

pub const ERRORS: [SystemError; 3] = [
    SystemError {
        about: "a busy file",
        calls: &[LOCK],
        errno: "EAGAIN",
    },
    SystemError {
        about: "a full disk",
        calls: &["pwrite64"],
        errno: "ENOSPC",
    },
    SystemError {
        about: "a disk that fails",
        calls: &["fsync", "fdatasync"],
        errno: "EIO",
    },
];

impl SystemError {
    pub fn concerns(&self, call: &Call) -> bool {
        self.calls.contains(&call.name)
    }
}

/// Returns the calls that the program makes without a fault.
pub fn calls(program: &Command, database: &Database) -> Vec<Call> {
    let log = format!("{}.calls", file(database));
    let output = traced(program, database, &["-o", &log]);
    finished(output).expect_success();
    let mut most: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut by_thread: BTreeMap<(String, &'static str), usize> = BTreeMap::new();
    for line in fs::read_to_string(&log).expect("a log").lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let name = rest.trim_start().split('(').next().unwrap_or_default();
        let known = CHANGES.into_iter().chain([LOCK]);
        let Some(name) = known.into_iter().find(|known| *known == name) else {
            continue;
        };
        let made = by_thread.entry((thread.to_owned(), name)).or_default();
        *made += 1;
        let most = most.entry(name).or_default();
        *most = (*most).max(*made);
    }
    most.into_iter()
        .flat_map(|(name, most)| (1..=most).map(move |number| Call { name, number }))
        .collect()
}

/// Returns the calls at which the program is killed.
pub fn changes(calls: &[Call]) -> Vec<Call> {
    let is_change = |call: &&Call| CHANGES.contains(&call.name);
    calls.iter().filter(is_change).copied().collect()
}

/// Kills the program at the call, and returns whether it got there.
pub fn kill(program: &Command, database: &Database, call: Call) -> bool {
    let Call { name, number } = call;
    let inject = format!("inject={name}:signal=SIGKILL:when={number}");
    let output = traced(program, database, &["-o", "/dev/null", "-e", &inject]);
    // strace ends as its program does.
    output.status.signal() == Some(9)
}

/// Lets the call fail.
pub fn fail(
    program: &Command,
    database: &Database,
    call: Call,
    error: SystemError,
    times: Times,
) -> Finished {
    let Call { name, number } = call;
    let step = match times {
        Times::Once => "",
        Times::FromThereOn => "+",
    };
    let errno = error.errno;
    let inject = format!("inject={name}:error={errno}:when={number}{step}");
    finished(traced(
        program,
        database,
        &["-o", "/dev/null", "-e", &inject],
    ))
}

fn traced(program: &Command, database: &Database, options: &[&str]) -> Output {
    let file = file(database);
    let mut strace = Command::new(PROGRAM);
    strace.args(["-f", "-qq"]).args(options);
    for suffix in ["", "-journal", "-wal"] {
        strace.args(["-P", &format!("{file}{suffix}")]);
    }
    let traced = [&CHANGES[..], &[LOCK]].concat().join(",");
    strace.args(["-e", &format!("trace={traced}")]);
    strace.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    if let Some(folder) = program.get_current_dir() {
        strace.current_dir(folder);
    }
    strace
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{PROGRAM}: {error}; tests/run installs it"))
}

fn file(database: &Database) -> &str {
    let (_, file) = database.url.split_once("://").expect("a URL");
    file.split('?').next().unwrap_or(file)
}
