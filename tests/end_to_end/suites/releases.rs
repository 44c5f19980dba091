//! A later release: a copy of the workspace with further migrations, each a file and a line in lib.rs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use sea_orm::{ConnectionTrait, DbBackend};

use super::{
    Test,
    shape::{lines, tables},
};
use crate::{
    engines::{Database, workspace},
    programs::{Finished, cargo, client, migrate, run, without_cargos_variables},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_later_release_adds_a_column_from_the_released_state_and_from_nothing,
        a_later_release_takes_its_column_back_and_keeps_the_rows,
        older_migrations_of_a_later_release_do_what_they_did,
        a_dry_run_and_a_script_of_a_later_release_do_what_up_does,
        a_second_table_converges_from_its_older_forms,
        a_second_table_that_cannot_converge_is_refused,
        orphans_of_a_second_table_are_handed_over_before_they_go,
        an_index_is_added_by_one_file,
        entities_of_a_later_release_write_and_read_what_it_adds,
        generated_migrations_run_with_statements_and_with_a_declaration,
    ]
}

/// The declaring migrations of the later release, in their order.
const MIGRATIONS: [&str; 3] = [
    "m20270101_000000_add_model",
    "m20270102_000000_create_page_texts",
    "m20270103_000000_index_pages",
];

/// What is committed by each is one migration; the two that `generate` makes come last.
const ALL: &str = "5";

/// Builds the later release once, with the dependencies that are built already.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let copy = workspace().join("target/releases");
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir_all(&copy).unwrap();
        for part in [
            "Cargo.toml",
            "Cargo.lock",
            "entity",
            "migration",
            "README.md",
        ] {
            run(Command::new("cp")
                .arg("-a")
                .arg(workspace().join(part))
                .arg(&copy))
            .expect_success();
        }
        rename(&copy);
        add_migrations(&copy);
        add_entities(&copy);
        generate(&copy, "plain_notes");
        generate(&copy, "declared_notes");
        run(cargo()
            .current_dir(&copy)
            .env("CARGO_TARGET_DIR", workspace().join("target"))
            .args([
                "build",
                "--quiet",
                "--package",
                "later",
                "--package",
                "later-reader",
            ]))
        .expect_success();
        copy
    })
}

/// Packages of other names share the dependencies that are built, and replace nothing.
fn rename(copy: &Path) {
    edit(
        &copy.join("Cargo.toml"),
        "\"entity\", \"migration\", \"migration/converge\", \"tests\"",
        "\"entity\", \"migration\", \"migration/converge\", \"reader\"",
    );
    edit(
        &copy.join("Cargo.toml"),
        "entity = { path = \"entity\" }",
        "entity = { path = \"entity\", package = \"later-entity\" }",
    );
    edit(
        &copy.join("Cargo.toml"),
        "migration = { path = \"migration\",",
        "migration = { path = \"migration\", package = \"later\",",
    );
    let manifest = copy.join("migration/Cargo.toml");
    edit(
        &manifest,
        "[[bin]]\nname = \"migration\"",
        "[lib]\nname = \"migration\"\n\n[[bin]]\nname = \"later\"",
    );
    edit(
        &manifest,
        "[package]\nname = \"migration\"",
        "[package]\nname = \"later\"",
    );
    let manifest = copy.join("entity/Cargo.toml");
    edit(&manifest, "name = \"entity\"", "name = \"later-entity\"");
    edit(&manifest, "[lib]\n", "[lib]\nname = \"entity\"\n");
}

fn add_migrations(copy: &Path) {
    let source = copy.join("migration/src");
    let lib = source.join("lib.rs");
    for migration in MIGRATIONS {
        fs::copy(fixture(migration), source.join(format!("{migration}.rs"))).unwrap();
        let last = fs::read_to_string(&lib).unwrap();
        let last = last.lines().rfind(|line| line.starts_with("mod m2"));
        let last = last.expect("a migration").to_owned();
        edit(&lib, &last, &format!("{last}\nmod {migration};"));
        let entry = format!("            Box::new({migration}::Migration),\n        ]");
        edit(&lib, "        ]", &entry);
    }
}

fn add_entities(copy: &Path) {
    let source = copy.join("entity/src");
    edit(
        &source.join("vectors.rs"),
        "    pub vector_ids: VectorIds,\n",
        "    pub vector_ids: VectorIds,\n    pub model: Option<String>,\n",
    );
    fs::copy(fixture("page_texts"), source.join("page_texts.rs")).unwrap();
    edit(
        &source.join("lib.rs"),
        "mod page;\n",
        "mod page;\npub mod page_texts;\n",
    );
    let reader = copy.join("reader/src");
    fs::create_dir_all(&reader).unwrap();
    fs::copy(fixture("reader"), reader.join("main.rs")).unwrap();
    let manifest = "[package]\nname = \"later-reader\"\nversion.workspace = true\nedition.workspace = true\n\n\
                    [dependencies]\nasync-std = { workspace = true }\nentity = { workspace = true }\n\
                    sea-orm = { workspace = true }\n";
    fs::write(copy.join("reader/Cargo.toml"), manifest).unwrap();
}

/// As `sea-orm-cli migrate generate` does, and then fills the file in.
fn generate(copy: &Path, name: &str) {
    let mut command = Command::new(workspace().join("target/debug/sea-orm-cli"));
    without_cargos_variables(&mut command);
    command
        .current_dir(copy)
        .args(["migrate", "generate", name]);
    run(&mut command).expect_success();
    let source = copy.join("migration/src");
    let mut made = fs::read_dir(&source)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let made = made.find(|path| path.to_string_lossy().ends_with(&format!("_{name}.rs")));
    fs::copy(fixture(name), made.expect("a generated file")).unwrap();
}

fn fixture(name: &str) -> PathBuf {
    workspace()
        .join("tests/releases")
        .join(format!("{name}.rs"))
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{}: no {from}", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// The binary of the later release.
fn later(database: &Database, arguments: &[&str]) -> Finished {
    built();
    let mut command = Command::new(workspace().join("target/debug/later"));
    without_cargos_variables(&mut command);
    run(command
        .env("DATABASE_URL", &database.url)
        .env_remove("MIGRATION_CREATE_DOCUMENTS_IN")
        .arg("--create-documents")
        .args(arguments))
}

/// What the released binary has made, with rows.
async fn released(database: &Database) {
    migrate(database, ["up"]).expect_success();
    database
        .execute([
            "INSERT INTO documents (id) VALUES (1), (2)",
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 0, '[]'), (1, 1, '[\"a\"]')",
        ])
        .await;
}

async fn rows(database: &Database) -> Vec<String> {
    let db = database.connect().await;
    lines(
        &db,
        "SELECT concat(doc_id, ' ', page, ' ', vector_ids) FROM vectors ORDER BY page",
    )
    .await
}

const ROWS: [&str; 2] = ["1 0 []", "1 1 [\"a\"]"];

async fn models(database: &Database) -> Vec<String> {
    let db = database.connect().await;
    lines(&db, "SELECT coalesce(model, 'none') FROM vectors").await
}

async fn a_later_release_adds_a_column_from_the_released_state_and_from_nothing(
    database: Database,
) {
    released(&database).await;
    let before = later(&database, &["check"]).expect_success();
    assert!(before.contains(MIGRATIONS[0]), "{before}");

    later(&database, &["up", "-n", "1"]).expect_success();

    later(&database, &["check"]).expect_success();
    assert_eq!(rows(&database).await, ROWS);
    assert_eq!(models(&database).await, ["none", "none"]);
    let again = later(&database, &["up", "-n", "0"]).expect_success();
    assert!(!again.contains("ALTER"), "{again}");

    database.empty().await;
    later(&database, &["up"]).expect_success();
    later(&database, &["check"]).expect_success();
    assert_eq!(models(&database).await, [""; 0]);
}

async fn a_later_release_takes_its_column_back_and_keeps_the_rows(database: Database) {
    released(&database).await;
    later(&database, &["up", "-n", "1"]).expect_success();
    let dry = later(&database, &["down", "--dry-run"]).expect_success();
    assert!(dry.contains("DROP COLUMN"), "{dry}");

    let said = later(&database, &["down"]).expect_success();

    assert!(said.contains("vectors.model"), "{said}");
    assert_eq!(rows(&database).await, ROWS);
    migrate(&database, ["check"]).expect_success();
    let status = later(&database, &["status"]).expect_success();
    assert_eq!(status.matches("pending").count(), 5, "{status}");
}

async fn older_migrations_of_a_later_release_do_what_they_did(database: Database) {
    later(&database, &["up", "-n", "3"]).expect_success();

    migrate(&database, ["check"]).expect_success();
    let up = migrate(&database, ["up"]).expect_success();
    assert!(up.contains("No pending migrations"), "{up}");
    migrate(&database, ["down", "-n", "3"]).expect_success();
}

async fn a_dry_run_and_a_script_of_a_later_release_do_what_up_does(database: Database) {
    let dry = later(&database, &["up", "--dry-run"]).expect_success();
    let added = [
        "ADD COLUMN",
        "ix_vectors_doc_id_page",
        "page_texts_doc_id_page_key",
    ];
    assert!(added.iter().all(|what| dry.contains(what)), "{dry}");
    released(&database).await;
    let dry = later(&database, &["up", "--dry-run", "-n", "3"]).expect_success();
    let add = dry.lines().find(|line| line.contains("ADD COLUMN"));
    let add = add.unwrap_or_else(|| panic!("{dry}")).trim_end_matches(';');
    let up = later(&database, &["up", "-n", "3"]).expect_success();
    assert!(up.contains(add), "{up}");
    let backend = match database.backend() {
        DbBackend::Postgres => "postgres",
        DbBackend::MySql => "mysql",
        _ => "sqlite",
    };
    let script = |way: &str, count: &str| {
        let arguments = ["sql", way, "--backend", backend, "-n", count];
        later(&database, &arguments).expect_success()
    };
    database.empty().await;

    client(&database, &script("up", "6")).expect_success();

    later(&database, &["check"]).expect_success();
    later(&database, &["up"]).expect_success();
    later(&database, &["down", "-n", "2"]).expect_success();
    later(&database, &["down", "-n", "3"]).expect_success();
    migrate(&database, ["check"]).expect_success();
}

/// An older form of `page_texts`: its columns from `lang` on, and what follows the table.
async fn older(database: &Database, rest: &str, then: &[&str]) {
    database.empty().await;
    released(database).await;
    let (id, body) = match database.backend() {
        DbBackend::Postgres => ("serial", "text"),
        DbBackend::MySql => ("integer AUTO_INCREMENT", "longtext CHARACTER SET utf8mb4"),
        _ => ("integer", "text"),
    };
    let table = format!(
        "CREATE TABLE page_texts (id {id} PRIMARY KEY, doc_id integer NOT NULL, page integer NOT NULL,
             body {body} NOT NULL, {rest})"
    );
    let row = "INSERT INTO page_texts (doc_id, page, body, lang) VALUES (1, 0, 'zero', 'en')";
    let statements = [table.as_str(), row]
        .into_iter()
        .chain(then.iter().copied());
    database.execute(statements.collect::<Vec<_>>()).await;
}

const KEY: &str = "FOREIGN KEY (doc_id) REFERENCES documents (id)";

async fn a_second_table_converges_from_its_older_forms(database: Database) {
    let forms = [
        format!("lang varchar(8) NOT NULL, UNIQUE (doc_id, page), {KEY}"),
        format!("lang varchar(8) NOT NULL, {KEY} ON DELETE CASCADE"),
        format!("lang varchar(8), UNIQUE (doc_id, page), {KEY} ON DELETE CASCADE"),
        format!("lang varchar(4) NOT NULL, UNIQUE (doc_id, page), {KEY} ON DELETE CASCADE"),
        format!("lang varchar(4), {KEY}"),
    ];
    for form in forms {
        older(&database, &form, &[]).await;

        later(&database, &["up", "-n", "3"]).expect_success();

        later(&database, &["check"]).expect_success();
        let db = database.connect().await;
        let kept = lines(
            &db,
            "SELECT concat(page, ' ', body, ' ', lang) FROM page_texts",
        )
        .await;
        assert_eq!(kept, ["0 zero en"], "{form}");
        let twice =
            "INSERT INTO page_texts (doc_id, page, body, lang) VALUES (1, 0, 'again', 'en')";
        let twice = db.execute_unprepared(twice).await;
        assert!(twice.is_err(), "{form}: a page has one text");
        let gone = "DELETE FROM documents WHERE id = 1";
        db.execute_unprepared(gone).await.expect("it cascades");
        let left = lines(&db, "SELECT body FROM page_texts").await;
        assert_eq!(left, [""; 0], "{form}");
    }
}

async fn a_second_table_that_cannot_converge_is_refused(database: Database) {
    let row = |values: &str| {
        format!("INSERT INTO page_texts (doc_id, page, body, lang) VALUES ({values})")
    };
    let cases = [
        (
            "lang varchar(8)",
            row("1, 1, 'one', NULL"),
            "lang may be NULL, and is in 1 row",
        ),
        (
            "lang varchar(8) NOT NULL",
            row("1, 0, 'twice', 'en'"),
            "one combination is in several rows",
        ),
        (
            "lang varchar(8) NOT NULL",
            row("9, 0, 'lost', 'en'"),
            "1 row references missing documents",
        ),
        (
            "lang varchar(16) NOT NULL",
            row("1, 1, 'one', 'en'"),
            "longer than 8 characters",
        ),
    ];
    for (lang, row, found) in cases {
        older(&database, lang, &[&row]).await;

        let error = later(&database, &["up"]).expect_error();

        assert!(error.contains(found), "{error}");
        let db = database.connect().await;
        let count = lines(&db, "SELECT concat('', count(*)) FROM page_texts").await;
        assert_eq!(count, ["2"]);
        let check = later(&database, &["check"]);
        assert_eq!(check.code, Some(1), "{check:?}");
        assert!(check.stdout.contains(found), "{check:?}");
    }
}

async fn orphans_of_a_second_table_are_handed_over_before_they_go(database: Database) {
    let lost = "INSERT INTO page_texts (doc_id, page, body, lang) VALUES (9, 0, 'lost', 'en')";
    older(&database, "lang varchar(8) NOT NULL", &[lost]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orphans");

    let file_name = file.to_string_lossy();
    later(
        &database,
        &["repair", "--delete-orphans", "--ids-to", &file_name],
    )
    .expect_success();

    let kept = fs::read_to_string(&file).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(
        (&kept["doc_id"], &kept["body"]),
        (&9.into(), &"lost".into())
    );
    later(&database, &["up"]).expect_success();
    later(&database, &["check"]).expect_success();
}

async fn an_index_is_added_by_one_file(database: Database) {
    released(&database).await;

    let said = later(&database, &["up", "-n", "3"]).expect_success();

    assert!(said.contains("ix_vectors_doc_id_page"), "{said}");
    later(&database, &["check"]).expect_success();
    let said = later(&database, &["down", "-n", "1"]).expect_success();
    assert!(said.contains("index_pages"), "{said}");
    let up = later(&database, &["up", "-n", "1"]).expect_success();
    assert!(up.contains("ix_vectors_doc_id_page"), "{up}");
    assert_eq!(rows(&database).await, ROWS);
}

async fn entities_of_a_later_release_write_and_read_what_it_adds(database: Database) {
    released(&database).await;
    later(&database, &["up"]).expect_success();

    let mut reader = Command::new(workspace().join("target/debug/later-reader"));
    let read = run(reader.env("DATABASE_URL", &database.url)).expect_success();

    assert_eq!(read.trim(), "Some(\"v1\") Some(\"five\")");
}

async fn generated_migrations_run_with_statements_and_with_a_declaration(database: Database) {
    released(&database).await;

    later(&database, &["up"]).expect_success();

    let db = database.connect().await;
    let notes = ["plain_notes", "declared_notes"];
    let there = tables(&db).await;
    assert!(
        notes
            .iter()
            .all(|note| there.iter().any(|table| table == note)),
        "{there:?}"
    );
    later(&database, &["check"]).expect_success();
    later(&database, &["down", "-n", ALL]).expect_success();
    let there = tables(&db).await;
    assert!(
        !notes
            .iter()
            .any(|note| there.iter().any(|table| table == note)),
        "{there:?}"
    );
    migrate(&database, ["check"]).expect_success();
}
