//! Which file a URL of SQLite names, and which command creates it.

use std::{fs, path::Path};

use crate::programs::{Finished, migration, run};

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![
        (
            "sqlite_files::a_command_that_reads_creates_no_file",
            a_command_that_reads_creates_no_file,
        ),
        (
            "sqlite_files::a_path_is_what_the_driver_decodes",
            a_path_is_what_the_driver_decodes,
        ),
        (
            "sqlite_files::a_path_that_the_driver_would_take_for_another_is_refused",
            a_path_that_the_driver_would_take_for_another_is_refused,
        ),
        (
            "sqlite_files::a_database_in_memory_leaves_no_file",
            a_database_in_memory_leaves_no_file,
        ),
    ]
}

fn migrate(folder: &Path, url: &str, command: &[&str]) -> Finished {
    run(migration()
        .current_dir(folder)
        .args(["-u", url])
        .args(command))
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn a_command_that_reads_creates_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = "sqlite://new.db?mode=rwc";
    let reads = |command: &[&str]| migrate(folder.path(), url, command);

    let status = reads(&["status"]).expect_success();
    let check = reads(&["check"]);
    let up = reads(&["up", "--dry-run"]).expect_success();
    let down = reads(&["down", "--dry-run"]).expect_success();
    let json = reads(&["status", "--json"]).expect_success();
    let missing = migrate(folder.path(), "sqlite://new.db", &["status"]).expect_error();

    let file = folder.path().canonicalize().unwrap().join("new.db");
    let file = file.to_str().unwrap();
    assert!(
        status.contains("pending") && status.contains("2 differences"),
        "{status}"
    );
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(
        check
            .stdout
            .contains(&format!("database \"{file}\": 2 differences")),
        "{check:?}"
    );
    assert!(up.contains("CREATE TABLE \"vectors\""), "{up}");
    assert_eq!(down, "-- nothing to do\n");
    assert!(json.contains(file), "{json}");
    assert!(
        missing.contains("new.db") && missing.contains("mode=rwc"),
        "{missing}"
    );
    assert_eq!(files(folder.path()), [""; 0]);
}

fn a_path_is_what_the_driver_decodes() {
    for (path, file) in [
        ("my file.db", "my file.db"),
        ("my%20file.db", "my file.db"),
        ("50%.db", "50%.db"),
        ("50%25.db", "50%.db"),
        ("a#b.db", "a#b.db"),
        ("what%3F.db", "what?.db"),
        ("[x].db", "[x].db"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{path}?mode=rwc");

        migrate(folder.path(), &url, &["up"]).expect_success();

        assert_eq!(files(folder.path()), [file], "{path}");
        let status = migrate(folder.path(), &url, &["status"]).expect_success();
        assert!(status.contains("as declared"), "{status}");
    }
}

fn a_path_that_the_driver_would_take_for_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (url, hint) in [
        ("sqlite://what?.db?mode=rwc", "%3F for ?"),
        ("sqlite://%ff.db?mode=rwc", "%25 for %"),
        ("sqlite:file:x.db?mode=rwc", "sqlite://PATH"),
        ("sqlite://x.db?schema=a", "only the parameters mode"),
        ("sqlite://?mode=rwc", "names no database"),
    ] {
        let error = migrate(folder.path(), url, &["up"]).expect_error();

        assert!(error.contains(hint), "{url}: {error}");
        assert!(!error.contains("password"), "{url}: {error}");
        assert_eq!(files(folder.path()), [""; 0], "{url}");
    }
}

fn a_database_in_memory_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    for url in [
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://x?mode=memory",
        "sqlite://?mode=memory",
    ] {
        let up = migrate(folder.path(), url, &["up"]).expect_success();

        assert!(up.contains("SQLite database in memory"), "{up}");
        assert!(up.contains("store_vector_ids' has been applied"), "{up}");
        assert_eq!(files(folder.path()), [""; 0], "{url}");
    }
}
