//! The file `.env`: when it is needed, how it is read, and what is printed if it cannot be read.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::{
    engines::workspace,
    programs::{migration, run},
};

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![
        (
            "dotenv::damage_in_a_file_that_is_needed_is_named_with_its_line_and_without_the_value",
            damage_in_a_file_that_is_needed_is_named,
        ),
        (
            "dotenv::damage_in_a_file_that_is_not_needed_stops_nothing",
            damage_in_a_file_that_is_not_needed_stops_nothing,
        ),
        (
            "dotenv::a_name_that_stands_twice_means_the_first_as_for_sea_orm_cli",
            a_name_that_stands_twice_means_the_first,
        ),
        (
            "dotenv::the_environment_goes_before_the_file",
            the_environment_goes_before_the_file,
        ),
        (
            "dotenv::a_byte_order_mark_and_carriage_returns_are_no_part_of_a_value",
            a_byte_order_mark_and_carriage_returns_are_no_part_of_a_value,
        ),
    ]
}

const DAMAGED: &[u8] = b"# ours\r\nDATABASE_URL=sqlite://first.db?mode=rwc\nPASSWORD=a marker\n";
const NOT_UTF8: &[u8] = b"DATABASE_URL=sqlite://first.db?mode=rwc\n\nPASSWORD=marker\xe9\n";

fn folder_with(dotenv: impl AsRef<[u8]>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".env"), dotenv).unwrap();
    folder
}

fn migration_in(folder: &TempDir) -> Command {
    let mut command = migration();
    command.current_dir(folder);
    command
}

fn has(folder: &TempDir, file: &str) -> bool {
    folder.path().join(file).exists()
}

fn damage_in_a_file_that_is_needed_is_named() {
    for (dotenv, reason) in [(DAMAGED, "not a valid NAME=VALUE"), (NOT_UTF8, "not UTF-8")] {
        let folder = folder_with(dotenv);

        let error = run(migration_in(&folder).arg("up")).expect_error();

        let file = folder.path().canonicalize().unwrap().join(".env");
        assert!(
            error.contains(&format!("{}, line 3: ", file.display())),
            "{error}"
        );
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains("marker"), "{error}");
        assert!(!has(&folder, "first.db"));
    }
}

fn damage_in_a_file_that_is_not_needed_stops_nothing() {
    for dotenv in [DAMAGED, NOT_UTF8] {
        let folder = folder_with(dotenv);
        let url = "sqlite://other.db?mode=rwc";
        let sql = ["sql", "--backend", "sqlite"];

        let by_option = run(migration_in(&folder).args(["up", "-u", url]));
        let by_variable = run(migration_in(&folder).arg("status").env("DATABASE_URL", url));
        let script = run(migration_in(&folder).args(sql));

        for finished in [by_option, by_variable, script] {
            assert!(
                finished.stderr.starts_with("warning: "),
                "{}",
                finished.stderr
            );
            assert!(!finished.stderr.contains("marker"), "{}", finished.stderr);
            finished.expect_success();
        }
        for arguments in [&["--help"][..], &["completions", "bash"]] {
            let finished = run(migration_in(&folder).args(arguments));
            assert_eq!(finished.stderr, "", "{arguments:?}");
            finished.expect_success();
        }
        assert!(has(&folder, "other.db") && !has(&folder, "first.db"));
    }
}

fn a_name_that_stands_twice_means_the_first() {
    let folder =
        folder_with("DATABASE_URL=sqlite://a.db?mode=rwc\nDATABASE_URL=sqlite://b.db?mode=rwc\n");
    let manifest = workspace().join("migration");
    let sea_orm_cli = workspace().join("target/debug/sea-orm-cli");

    run(migration_in(&folder).arg("up")).expect_success();

    assert!(has(&folder, "a.db") && !has(&folder, "b.db"));
    fs::remove_file(folder.path().join("a.db")).unwrap();
    let cargo = fake_cargo(&folder);
    run(Command::new(sea_orm_cli)
        .current_dir(&folder)
        .env_remove("DATABASE_URL")
        .env("PATH", cargo)
        .arg("migrate")
        .arg("-d")
        .arg(manifest))
    .expect_success();
    let handed_on = fs::read_to_string(folder.path().join("handed-on")).unwrap();
    assert_eq!(handed_on, "sqlite://a.db?mode=rwc");
}

/// Creates a Cargo that writes down what sea-orm-cli passes on, and builds nothing.
fn fake_cargo(folder: &TempDir) -> String {
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let cargo = bin.join("cargo");
    fs::write(
        &cargo,
        "#!/bin/sh\nprintf %s \"$DATABASE_URL\" > handed-on\n",
    )
    .unwrap();
    make_executable(&cargo);
    format!("{}:/usr/bin:/bin", bin.display())
}

fn make_executable(program: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
}

fn the_environment_goes_before_the_file() {
    let folder = folder_with("DATABASE_URL=sqlite://a.db?mode=rwc\n");

    run(migration_in(&folder)
        .env("DATABASE_URL", "sqlite://b.db?mode=rwc")
        .arg("up"))
    .expect_success();

    assert!(has(&folder, "b.db") && !has(&folder, "a.db"));
}

fn a_byte_order_mark_and_carriage_returns_are_no_part_of_a_value() {
    let folder = folder_with(
        "\u{feff}DATABASE_URL=sqlite://a.db?mode=rwc\r\nMIGRATION_TABLE=records\r\n# don't\r\n",
    );

    run(migration_in(&folder).arg("up")).expect_success();

    assert!(has(&folder, "a.db"));
    let tables = run(Command::new("sqlite3")
        .current_dir(&folder)
        .args(["a.db", ".tables"]))
    .expect_success();
    assert!(
        tables.split_whitespace().any(|one| one == "records"),
        "{tables}"
    );
}
