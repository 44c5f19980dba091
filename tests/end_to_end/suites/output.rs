//! The form of the output: colours, JSON, help, completions.

use std::process::Command;

use sea_orm::DbBackend;
use serde_json::Value;

use super::Test;
use crate::{
    engines::{Database, workspace},
    programs::{Finished, migrate, migration, run},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![json_is_one_object_and_nothing_else];
    if backend == DbBackend::Sqlite {
        tests.extend(tests![colours_are_for_terminals]);
    }
    tests
}

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![
        ("output::help_is_shown", help_is_shown),
        ("output::completions_know_every_option", completions),
        (
            "output::exit_statuses_hold_where_stderr_takes_nothing",
            exit_statuses,
        ),
    ]
}

async fn json_is_one_object_and_nothing_else(database: Database) {
    migrate(&database, ["up", "-n", "1"]).expect_success();
    let object = |arguments: [&str; 2], code: i32| -> Value {
        let Finished {
            code: found,
            stdout,
            stderr,
        } = migrate(&database, arguments);
        assert_eq!(found, Some(code), "{stdout}{stderr}");
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
    };

    let status = object(["status", "--json"], 0);
    let check = object(["check", "--json"], 1);
    let repair = object(["repair", "--json"], 0);

    assert!(
        status["migrations"][0]["applied_at"].is_string(),
        "{status}"
    );
    assert!(status["migrations"][1]["applied_at"].is_null(), "{status}");
    assert_eq!(status["as_declared"], false, "{status}");
    assert_eq!(check["differences"][0]["part"], "vectors", "{check}");
    assert_eq!(repair["steps"][0]["part"], "vectors", "{repair}");
    assert_eq!(repair["report"]["as_declared"], true, "{repair}");
}

/// Returns what a terminal gets, by a program that every Debian has.
fn on_a_terminal(database: &Database, command: &str, variables: &[(&str, &str)]) -> String {
    let program = workspace().join("target/debug/migration");
    let mut script = Command::new("script");
    script
        .args([
            "-qec",
            &format!("{} {command}", program.display()),
            "/dev/null",
        ])
        .env("DATABASE_URL", &database.url)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied());
    run(&mut script).stdout
}

const ESCAPE: char = '\u{1b}';

async fn colours_are_for_terminals(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute(["DROP INDEX ix_vectors_doc_id"]).await;

    for command in ["check", "status"] {
        let terminal = on_a_terminal(&database, command, &[]);
        assert!(terminal.contains(ESCAPE), "{terminal}");
        let plain = on_a_terminal(&database, command, &[("NO_COLOR", "1")]);
        assert!(!plain.contains(ESCAPE), "{plain}");
        let piped = migrate(&database, [command]).stdout;
        assert!(!piped.contains(ESCAPE), "{piped}");
    }
    let error = on_a_terminal(&database, "-u nonsense up", &[]);
    assert!(error.contains(ESCAPE), "{error}");
}

fn help_is_shown() {
    let commands = [
        "up",
        "down",
        "status",
        "check",
        "repair",
        "sql",
        "refresh",
        "reset",
        "fresh",
        "generate",
        "init",
        "completions",
    ];
    let help = run(migration().arg("--help")).expect_success();
    for command in commands {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        let of_command = run(migration().args([command, "--help"])).expect_success();
        assert!(of_command.contains("Usage: migration "), "{of_command}");
        let (_, example) = of_command.split_once("\nExample:\n  ").expect("an example");
        assert!(
            example.contains(&format!("migration {command}")),
            "{example}"
        );
        assert_eq!(example.lines().count(), 1, "{example}");
    }
    assert!(help.contains("Exit status:\n"), "{help}");
}

fn exit_statuses() {
    for (command, code) in [("up", 1), ("check", 2)] {
        let full = std::fs::File::create("/dev/full").expect("Linux");
        let status = migration()
            .args(["-u", "nonsense", command])
            .stderr(full)
            .status()
            .expect("it runs");
        assert_eq!(status.code(), Some(code), "{command}");
    }
}

fn completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(migration().args(["completions", shell])).expect_success();
        for option in ["delete-orphans", "dry-run", "lock-wait"] {
            assert!(script.contains(option), "{shell}: {option}");
        }
    }
}
