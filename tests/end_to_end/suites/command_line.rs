//! The binary, as `sea-orm-cli migrate` and as an operator call it.

use std::{fs, path::Path, process::Command};

use sea_orm::{ConnectionTrait, DbBackend};

use super::{Test, shape::lines};
use crate::{
    engines::{Database, workspace},
    programs::{migrate, migration, run, sea_orm_cli},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        every_subcommand_works_through_sea_orm_cli,
        the_options_of_sea_orm_cli_work_on_the_binary,
        up_again_changes_nothing,
        up_completes_what_was_not_recorded,
        up_refuses_a_view_of_the_name,
        the_database_is_named_and_its_password_is_not,
    ];
    if backend != DbBackend::Sqlite {
        tests.extend(tests![
            a_wrong_password_is_one_sentence,
            an_unknown_database_is_one_sentence,
        ]);
    }
    if backend == DbBackend::Postgres {
        tests.extend(tests![an_unknown_schema_is_one_sentence]);
    }
    tests
}

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![
        (
            "command_line::a_missing_url_is_one_sentence",
            a_missing_url_is_one_sentence,
        ),
        (
            "command_line::an_unreachable_server_is_one_sentence",
            an_unreachable_server_is_one_sentence,
        ),
        (
            "command_line::a_url_that_cannot_be_read_is_one_sentence",
            a_url_that_cannot_be_read_is_one_sentence,
        ),
        (
            "command_line::an_sqlite_file_in_no_folder_is_one_sentence",
            an_sqlite_file_in_no_folder_is_one_sentence,
        ),
        (
            "command_line::wrong_usage_exits_with_2",
            wrong_usage_exits_with_2,
        ),
        (
            "command_line::the_embedded_default_is_a_file_and_the_environment_overrides_it",
            the_embedded_default,
        ),
        (
            "command_line::generate_adds_a_migration_that_compiles",
            generate_adds_a_migration_that_compiles,
        ),
        (
            "command_line::init_does_not_overwrite_a_crate",
            init_does_not_overwrite_a_crate,
        ),
    ]
}

const PENDING: &str = "Migration 'm20250524_120000_create_vectors'... Pending";
const APPLIED: &str = "Migration 'm20250524_120000_create_vectors'... Applied";

async fn every_subcommand_works_through_sea_orm_cli(database: Database) {
    let sea = |arguments: &[&str]| {
        sea_orm_cli(&database, &[&["migrate"], arguments].concat()).expect_success()
    };
    let db = database.connect().await;

    assert!(sea(&["status"]).contains(PENDING));
    sea(&["up"]);
    assert!(sea(&["status"]).contains(APPLIED));
    assert!(sea(&["up"]).contains("No pending migrations"));
    sea(&["down"]);
    assert!(sea(&["status"]).contains(PENDING));
    sea(&["up", "-n", "1"]);
    assert!(sea(&["status"]).contains(APPLIED));
    sea(&["refresh"]);
    assert!(sea(&["status"]).contains(APPLIED));
    sea(&["reset"]);
    assert!(
        db.execute_unprepared("SELECT * FROM vectors")
            .await
            .is_err()
    );
    sea(&["fresh"]);
    assert!(sea(&["status", "-v"]).contains("m20250524_120000_create_vectors'... Applied"));
    assert_eq!(lines(&db, "SELECT vector_ids FROM vectors").await, [""; 0]);
}

async fn the_options_of_sea_orm_cli_work_on_the_binary(database: Database) {
    let url = database.url.as_str();

    run(migration().args(["-u", url, "-s", "public", "up", "-n", "1"])).expect_success();
    let status = run(migration().args(["status", "--database-url", url])).expect_success();
    assert!(status.contains(PENDING), "{status}");
    run(migration().args(["-u", url])).expect_success();
    let status = run(migration().args(["-v", "status", "-u", url])).expect_success();
    assert!(status.contains("sqlx::query"), "{status}");
    run(migration().args(["down", "-n", "1", "-u", url])).expect_success();
}

async fn up_again_changes_nothing(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let db = database.connect().await;
    let recorded = "SELECT concat(version, ' ', applied_at) FROM seaql_migrations ORDER BY version";
    let before = lines(&db, recorded).await;

    let said = migrate(&database, ["up"]).expect_success();

    assert!(said.contains("No pending migrations"), "{said}");
    assert_eq!(lines(&db, recorded).await, before);
    assert_eq!(before.len(), 2);
}

/// As a crash leaves it between the last statement and the record.
async fn up_completes_what_was_not_recorded(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let db = database.connect().await;
    for sql in [
        "INSERT INTO documents (id) VALUES (1)",
        "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[\"a\"]')",
        "DELETE FROM seaql_migrations",
    ] {
        db.execute_unprepared(sql).await.expect(sql);
    }

    migrate(&database, ["up"]).expect_success();

    assert_eq!(
        lines(&db, "SELECT vector_ids FROM vectors").await,
        ["[\"a\"]"]
    );
    let status = migrate(&database, ["status"]).expect_success();
    assert!(status.contains(APPLIED), "{status}");
}

async fn up_refuses_a_view_of_the_name(database: Database) {
    database
        .execute([
            "CREATE TABLE documents (id integer PRIMARY KEY)",
            "CREATE VIEW vectors AS SELECT id FROM documents",
        ])
        .await;

    let error = migrate(&database, ["up"]).expect_error();

    assert!(error.contains("vectors is a view"), "{error}");
}

async fn the_database_is_named_and_its_password_is_not(database: Database) {
    let finished = migrate(&database, ["up", "-v"]);

    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(said.contains(&database.name), "{said}");
    assert!(!said.contains("only-for-tests"), "{said}");
}

async fn a_wrong_password_is_one_sentence(database: Database) {
    let url = database.url.replacen('@', "wrong-marker@", 1);

    let error = run(migration().args(["up", "-u", &url])).expect_error();

    assert!(error.contains("did not let this user in"), "{error}");
    assert!(!error.contains("wrong-marker"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

async fn an_unknown_database_is_one_sentence(database: Database) {
    let url = database.url.replace(&database.name, "no_such_database");

    let error = run(migration().args(["up", "-u", &url])).expect_error();

    assert!(error.contains("\"no_such_database\""), "{error}");
    assert!(error.contains("there is no such database"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

async fn an_unknown_schema_is_one_sentence(database: Database) {
    let error = migrate(&database, ["up", "-s", "no_such_schema"]).expect_error();

    assert!(
        error.contains("there is no schema \"no_such_schema\"; found public"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
}

fn a_missing_url_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();

    let error = run(migration().current_dir(&folder).arg("up")).expect_error();

    assert!(error.contains("DATABASE_URL"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

fn an_unreachable_server_is_one_sentence() {
    for url in [
        "postgres://u:marker@127.0.0.1:1/x",
        "mysql://u:marker@127.0.0.1:1/x",
    ] {
        let error = run(migration().args(["up", "-u", url])).expect_error();

        assert!(error.contains("127.0.0.1:1"), "{error}");
        assert!(error.contains("Connection refused"), "{error}");
        assert!(!error.contains("marker"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

fn a_url_that_cannot_be_read_is_one_sentence() {
    for url in [
        "postgresql+psycopg://u:marker@localhost/x",
        "mysql://u:marker@localhost",
        "postgres://u:marker@[::/x",
        "marker",
    ] {
        let error = run(migration().args(["up", "-u", url])).expect_error();

        assert!(!error.contains("marker"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

fn an_sqlite_file_in_no_folder_is_one_sentence() {
    let error = run(migration().args(["up", "-u", "sqlite:///no/such/folder/x.db?mode=rwc"]))
        .expect_error();

    assert!(error.contains("/no/such/folder/x.db"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

fn wrong_usage_exits_with_2() {
    for arguments in [&["upp"][..], &["up", "-n"], &["up", "--no-such-option"]] {
        let finished = run(migration().args(arguments));

        assert_eq!(finished.code, Some(2), "{arguments:?}: {}", finished.stderr);
    }
}

fn the_embedded_default() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(workspace().join(".env"), folder.path().join(".env")).unwrap();

    let said = run(migration().current_dir(&folder).arg("up")).expect_success();
    assert!(said.contains("colpali.db"), "{said}");
    assert!(folder.path().join("colpali.db").exists());

    let other = "sqlite://other.db?mode=rwc";
    run(migration()
        .current_dir(&folder)
        .env("DATABASE_URL", other)
        .arg("up"))
    .expect_success();
    assert!(folder.path().join("other.db").exists());
    let ignored = run(Command::new("git")
        .current_dir(workspace())
        .args(["check-ignore", "colpali.db"]));
    assert_eq!(ignored.code, Some(0), "{}", ignored.stderr);
}

/// In a copy of the workspace, with the dependencies that are built already.
fn generate_adds_a_migration_that_compiles() {
    let copy = tempfile::tempdir().unwrap();
    for part in [
        "Cargo.toml",
        "Cargo.lock",
        "entity",
        "migration",
        "tests",
        "README.md",
    ] {
        let from = workspace().join(part);
        run(Command::new("cp").arg("-r").arg(from).arg(copy.path())).expect_success();
    }
    let crate_folder = copy.path().join("migration");

    run(migration()
        .env("CARGO_MANIFEST_DIR", &crate_folder)
        .args(["generate", "add_title"]))
    .expect_success();

    let lib = fs::read_to_string(crate_folder.join("src/lib.rs")).unwrap();
    assert_eq!(lib.matches("Box::new(").count(), 3, "{lib}");
    let generated = file_ending(&crate_folder.join("src"), "_add_title.rs");
    let body = fs::read_to_string(&generated).unwrap();
    fs::write(&generated, body.replace("todo!();", "Ok(())")).unwrap();
    run(Command::new("cargo")
        .current_dir(copy.path())
        .env("CARGO_TARGET_DIR", workspace().join("target/generate"))
        .args([
            "check",
            "--quiet",
            "--package",
            "migration",
            "--no-default-features",
        ]))
    .expect_success();
}

fn file_ending(folder: &Path, ending: &str) -> std::path::PathBuf {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(ending))
        .expect("the file was made")
}

fn init_does_not_overwrite_a_crate() {
    let folder = tempfile::tempdir().unwrap();
    run(migration().current_dir(&folder).arg("init")).expect_success();
    let lib = folder.path().join("src/lib.rs");
    fs::write(&lib, "// mine").unwrap();

    let error = run(migration().current_dir(&folder).arg("init")).expect_error();

    assert!(error.contains("holds a crate already"), "{error}");
    assert_eq!(fs::read_to_string(&lib).unwrap(), "// mine");
}
