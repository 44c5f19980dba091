//! What the crates bring along when a service imports them.

use std::process::Command;

use crate::{engines::workspace, programs::run};

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![
        (
            "packages::the_library_brings_no_runtime_driver_or_command_line",
            migration,
        ),
        (
            "packages::the_entities_bring_no_runtime_and_no_driver",
            entity,
        ),
    ]
}

fn migration() {
    brings_none_of(
        "migration",
        &[
            "async-std",
            "tokio",
            "sqlx",
            "clap",
            "dotenvy",
            "sea-orm-cli",
        ],
    );
}

fn entity() {
    brings_none_of(
        "entity",
        &["async-std", "tokio", "sqlx", "sea-orm-migration"],
    );
}

fn brings_none_of(package: &str, unwanted: &[&str]) {
    let tree = run(Command::new("cargo").current_dir(workspace()).args([
        "tree",
        "--package",
        package,
        "--no-default-features",
        "--edges=normal",
        "--prefix=none",
        "--format={lib}",
    ]))
    .expect_success();
    let libraries: Vec<String> = tree.lines().map(|line| line.replace('_', "-")).collect();
    assert!(
        libraries.iter().any(|library| library == "sea-orm"),
        "{tree}"
    );
    for name in unwanted {
        assert!(!libraries.iter().any(|library| library == name), "{name}");
    }
}
