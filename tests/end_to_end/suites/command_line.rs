//! The binary, as `sea-orm-cli migrate` and as an operator call it.

use std::{fs, path::Path, process::Command};

use sea_orm::{ConnectionTrait, DbBackend};

use super::{Test, shape::lines};
use crate::{
    engines::{Database, workspace},
    programs::{Finished, migrate, migration, migration_beside_an_application, run, sea_orm_cli},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        every_subcommand_works_through_sea_orm_cli,
        the_url_and_schema_of_sea_orm_cli_reach_the_binary,
        the_options_of_sea_orm_cli_work_on_the_binary,
        down_of_a_table_that_is_gone_succeeds,
        up_again_changes_nothing,
        a_count_of_0_does_nothing_and_says_why,
        up_completes_what_was_not_recorded,
        up_refuses_a_view_of_the_name,
        down_refuses_a_view_of_the_name,
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
            "command_line::a_dotenv_that_cannot_be_read_is_one_sentence",
            a_dotenv_that_cannot_be_read_is_one_sentence,
        ),
        (
            "command_line::a_url_in_the_wrong_place_is_not_shown",
            a_url_in_the_wrong_place_is_not_shown,
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
            "command_line::generate_touches_no_other_crate",
            generate_touches_no_other_crate,
        ),
        (
            "command_line::generate_keeps_the_line_ends_of_a_checkout",
            generate_keeps_the_line_ends_of_a_checkout,
        ),
        (
            "command_line::generate_leaves_nothing_behind_where_it_finds_no_list",
            generate_leaves_nothing_behind_where_it_finds_no_list,
        ),
        (
            "command_line::init_does_not_overwrite_a_crate",
            init_does_not_overwrite_a_crate,
        ),
    ]
}

const PENDING: &str = "m20250524_120000_create_vectors    pending";
const APPLIED: &str = "m20250524_120000_create_vectors    applied  ";

async fn down_refuses_a_view_of_the_name(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database
        .execute([
            "ALTER TABLE vectors RENAME TO kept",
            "CREATE VIEW vectors AS SELECT * FROM kept",
        ])
        .await;

    for command in [&["down", "-n", "2"][..], &["reset"], &["refresh"]] {
        let error = migrate(&database, command).expect_error();
        assert!(error.contains("vectors is a view"), "{error}");
    }

    assert!(
        sea_orm_cli(&database, &["migrate", "status"])
            .expect_success()
            .contains(APPLIED)
    );
}

async fn every_subcommand_works_through_sea_orm_cli(database: Database) {
    let sea = |arguments: &[&str]| {
        sea_orm_cli(&database, &[&["migrate"], arguments].concat()).expect_success()
    };
    let db = database.connect().await;
    let count = "SELECT concat('', count(*)) FROM vectors";
    let record = async || {
        let row =
            "INSERT INTO vectors (doc_id, page, vector_ids) SELECT min(id), 1, '[]' FROM documents";
        database.execute([row]).await;
    };

    assert!(sea(&["status"]).contains(PENDING));
    sea(&["up"]);
    assert!(sea(&["status"]).contains(APPLIED));
    database
        .execute(["INSERT INTO documents (id) VALUES (1)"])
        .await;
    record().await;
    assert!(sea(&["up"]).contains("No pending migrations"));
    assert_eq!(lines(&db, count).await, ["1"]);
    sea(&["down", "-n", "2"]);
    assert!(sea(&["status"]).contains(PENDING));
    assert!(db.execute_unprepared(count).await.is_err());
    sea(&["up", "-n", "1"]);
    assert!(sea(&["status"]).contains(APPLIED));
    record().await;
    sea(&["refresh"]);
    assert!(sea(&["status", "-v"]).contains(APPLIED));
    assert_eq!(lines(&db, count).await, ["0"]);
    record().await;
    sea(&["reset"]);
    assert!(db.execute_unprepared(count).await.is_err());
    assert!(
        db.execute_unprepared("SELECT * FROM seaql_migrations")
            .await
            .is_err()
    );
    sea(&["up"]);
    database
        .execute(["INSERT INTO documents (id) VALUES (2)"])
        .await;
    record().await;
    sea(&["fresh"]);
    assert_eq!(lines(&db, count).await, ["0"]);
}

/// sea-orm-cli passes both on as variables.
async fn the_url_and_schema_of_sea_orm_cli_reach_the_binary(database: Database) {
    let elsewhere = Database {
        url: "sqlite:///no/such/folder/x.db".to_owned(),
        ..database.clone()
    };
    let schema = match database.backend() {
        DbBackend::Postgres => {
            database
                .execute([
                    "CREATE SCHEMA \"of the app\"",
                    "CREATE TABLE \"of the app\".documents (id integer PRIMARY KEY)",
                ])
                .await;
            "of the app"
        }
        _ => {
            database
                .execute(["CREATE TABLE documents (id integer PRIMARY KEY)"])
                .await;
            "public"
        }
    };
    for command in ["up", "status", "refresh", "down", "down"] {
        let arguments = ["migrate", "-u", &database.url, "-s", schema, command];
        sea_orm_cli(&elsewhere, &arguments).expect_success();
    }

    let status = migrate(&database, ["status", "-s", schema]).expect_success();
    assert!(
        status.contains("m20250524_000000_create_documents  applied"),
        "{status}"
    );
    assert!(status.contains(PENDING), "{status}");
    if database.backend() == DbBackend::Postgres {
        let made = "SELECT schemaname::text FROM pg_tables WHERE tablename IN ('documents', 'seaql_migrations')";
        let db = database.connect().await;
        assert_eq!(lines(&db, made).await, [schema, schema]);
    }
}

async fn down_of_a_table_that_is_gone_succeeds(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute(["DROP TABLE vectors"]).await;

    migrate(&database, ["down", "-n", "2"]).expect_success();

    assert!(
        migrate(&database, ["status"])
            .expect_success()
            .contains(PENDING)
    );
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
    assert_eq!(before.len(), 3);
}

async fn a_count_of_0_does_nothing_and_says_why(database: Database) {
    let without = |arguments: &[&str], word: &str| {
        let said = migrate(&database, arguments).expect_success();
        assert!(said.contains("0 migrations were asked for"), "{said}");
        assert!(!said.contains(word), "{said}");
    };

    without(&["up", "-n", "0"], "No pending migrations");
    without(&["up", "-n", "0", "--dry-run"], "CREATE");
    assert!(
        migrate(&database, ["status"])
            .expect_success()
            .contains(PENDING)
    );
    migrate(&database, ["up"]).expect_success();
    without(&["down", "-n", "0"], "No applied migrations");
    without(&["down", "-n", "0", "--dry-run"], "DROP");

    assert!(
        migrate(&database, ["status"])
            .expect_success()
            .contains(APPLIED)
    );
}

/// The state that a crash leaves between the last statement and the record.
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

async fn a_wrong_password_is_one_sentence(database: Database) {
    let url = database.url.replacen('@', "wrong-marker@", 1);

    let error = run(migration().args(["up", "-u", &url])).expect_error();

    assert!(error.contains("the server refused this user"), "{error}");
    assert!(!error.contains("wrong-marker"), "{error}");
}

async fn an_unknown_database_is_one_sentence(database: Database) {
    let url = database.url.replace(&database.name, "no_such_database");

    let error = run(migration().args(["up", "-u", &url])).expect_error();

    assert!(error.contains("\"no_such_database\""), "{error}");
    assert!(error.contains("there is no such database"), "{error}");
}

async fn an_unknown_schema_is_one_sentence(database: Database) {
    let error = migrate(&database, ["up", "-s", "no_such_schema"]).expect_error();

    assert!(
        error.contains("there is no schema \"no_such_schema\"; found public"),
        "{error}"
    );
}

fn a_missing_url_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();

    let error = run(migration().current_dir(&folder).arg("up")).expect_error();

    assert!(error.contains("DATABASE_URL"), "{error}");
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
    }
}

fn a_url_that_cannot_be_read_is_one_sentence() {
    for url in [
        "postgresql+psycopg://u:marker@localhost/x",
        "mysql://u:marker@localhost",
        "postgres://u:marker@[::/x",
        "postgres://u:/marker@localhost/x",
        "mysql://u:12/marker@localhost/x",
        "postgres:p@marker/w@",
        "marker",
        "sqlite:",
        "sqlite://",
    ] {
        let error = run(migration().args(["up", "-u", url])).expect_error();

        assert!(!error.contains("marker"), "{error}");
    }
}

fn a_dotenv_that_cannot_be_read_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join(".env"),
        "DATABASE_URL=postgres://u:a marker@h/x",
    )
    .unwrap();

    let error = run(migration().current_dir(&folder).arg("up")).expect_error();

    assert!(error.contains(".env"), "{error}");
    assert!(!error.contains("marker"), "{error}");
}

fn a_url_in_the_wrong_place_is_not_shown() {
    let finished = run(migration().args(["up", "postgres://u:marker@localhost/x"]));

    assert_eq!(finished.code, Some(2));
    assert!(!finished.stderr.contains("marker"), "{}", finished.stderr);
}

fn an_sqlite_file_in_no_folder_is_one_sentence() {
    let error = run(migration().args(["up", "-u", "sqlite:///no/such/folder/x.db?mode=rwc"]))
        .expect_error();

    assert!(error.contains("/no/such/folder/x.db"), "{error}");
}

fn wrong_usage_exits_with_2() {
    for arguments in [&["upp"][..], &["up", "-n"], &["up", "--no-such-option"]] {
        let finished = run(migration().args(arguments));

        assert_eq!(finished.code, Some(2), "{arguments:?}: {}", finished.stderr);
    }
}

/// Only the variables of `.env` are set, which sea-orm-cli passes on.
fn the_embedded_default() {
    let migration = migration_beside_an_application;
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::copy(workspace().join(".env"), folder.path().join(".env")).unwrap();

    // From any folder of the workspace, it is the file next to `.env`.
    run(migration().current_dir(&below).arg("up")).expect_success();
    assert!(folder.path().join("colpali.db").exists());
    let said = run(migration()
        .current_dir(&folder)
        .env("DATABASE_URL", "")
        .arg("up"))
    .expect_success();
    assert!(said.contains("No pending migrations"), "{said}");

    let handed_on = "colpali.db";
    run(migration()
        .current_dir(&below)
        .env("DATABASE_URL", "sqlite://colpali.db?mode=rwc")
        .env("MIGRATION_CREATE_DOCUMENTS_IN", handed_on)
        .arg("fresh"))
    .expect_success();

    let other = "sqlite://other.db?mode=rwc";
    let up = |command: &mut Command| run(command.current_dir(&below).arg("up"));
    let error = up(migration().env("DATABASE_URL", other)).expect_error();
    assert!(error.contains("start that first"), "{error}");
    up(migration()
        .env("DATABASE_URL", other)
        .arg("--create-documents"))
    .expect_success();
    assert!(below.join("other.db").exists());
    let ignored = fs::read_to_string(workspace().join(".gitignore")).unwrap();
    assert!(
        ignored.lines().any(|line| line == "colpali.db*"),
        "{ignored}"
    );
}

fn generate_touches_no_other_crate() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    let lib = folder.path().join("src/lib.rs");
    fs::write(&lib, "// mine").unwrap();

    for name in ["add_title", "x;y"] {
        run(migration()
            .current_dir(&folder)
            .env_remove("CARGO_MANIFEST_DIR")
            .args(["generate", name]))
        .expect_error();
    }

    assert_eq!(fs::read_to_string(&lib).unwrap(), "// mine");
}

/// Creates a crate with this text as its `lib.rs`.
fn crate_with(lib: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/lib.rs"), lib).unwrap();
    fs::write(folder.path().join("src/declared.rs"), "").unwrap();
    folder
}

fn generate_in(folder: &tempfile::TempDir) -> Finished {
    run(migration()
        .current_dir(folder)
        .env_remove("CARGO_MANIFEST_DIR")
        .args(["generate", "add_title"]))
}

fn generate_keeps_the_line_ends_of_a_checkout() {
    let lib = fs::read_to_string(workspace().join("migration/src/lib.rs")).unwrap();
    let folder = crate_with(&lib.replace('\n', "\r\n"));

    generate_in(&folder).expect_success();

    let with = fs::read_to_string(folder.path().join("src/lib.rs")).unwrap();
    let file = file_ending(&folder.path().join("src"), "_add_title.rs");
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let is_new = |line: &&str| line.contains(&name);
    let added: Vec<&str> = with.split("\r\n").filter(is_new).collect();
    let entry = format!("            Box::new({name}::Migration),");
    assert_eq!(added, [format!("mod {name};"), entry]);
    let rest: Vec<&str> = with.split("\r\n").filter(|line| !is_new(line)).collect();
    assert_eq!(rest.join("\n"), lib);
    let generated = fs::read_to_string(file).unwrap();
    assert_eq!(
        generated.matches('\n').count(),
        generated.matches("\r\n").count()
    );
}

fn generate_leaves_nothing_behind_where_it_finds_no_list() {
    for list in ["all()", "vec![", "vec![first(), second()]"] {
        let lib = format!("impl MigratorTrait for Migrator {{ fn migrations() {{ {list} }} }}\n");
        let folder = crate_with(&lib);

        let error = generate_in(&folder).expect_error();

        assert!(error.contains("no list of migrations"), "{error}");
        assert!(error.contains("lib.rs"), "{error}");
        let source = folder.path().join("src");
        assert_eq!(fs::read_to_string(source.join("lib.rs")).unwrap(), lib);
        assert_eq!(fs::read_dir(source).unwrap().count(), 2);
    }
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

    assert!(error.contains("already contains files"), "{error}");
    assert_eq!(fs::read_to_string(&lib).unwrap(), "// mine");
}
