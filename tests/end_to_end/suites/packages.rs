//! What the crates bring along when a service imports them.

use crate::programs::{cargo, run};

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

const RUNTIMES_AND_DRIVERS: [&str; 9] = [
    "async-io",
    "async-std",
    "libsqlite3-sys",
    "native-tls",
    "rustls",
    "sqlx-mysql",
    "sqlx-postgres",
    "sqlx-sqlite",
    "tokio",
];

/// It reads what a driver's errors say, whichever driver that is.
fn migration() {
    brings_none_of(
        "migration",
        &["--no-default-features"],
        &RUNTIMES_AND_DRIVERS,
    );
    brings_none_of(
        "migration",
        &["--no-default-features"],
        &["clap", "dotenvy", "sea-orm-cli"],
    );
}

fn entity() {
    brings_none_of("entity", &[], &RUNTIMES_AND_DRIVERS);
    brings_none_of("entity", &[], &["sea-orm-migration"]);
}

fn brings_none_of(package: &str, features: &[&str], unwanted: &[&str]) {
    let tree = run(cargo()
        .args(["tree", "--package", package])
        .args(features)
        .args(["--edges=normal", "--prefix=none", "--format={lib}"]))
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
