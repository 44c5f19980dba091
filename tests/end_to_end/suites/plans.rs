//! `up --dry-run --save FILE` and `up --plan FILE`: what was reviewed is done, and nothing else.

use std::{
    fs,
    path::{Path, PathBuf},
};

use migration::{ConvergeError, Error, Extent, MigratorTrait, PlannedMigration, Runner};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::chained::AppMigrator;

use super::{
    Test,
    dry_run::{ran, statements},
    inventory::Inventory,
    rewrites::make_narrow_table,
};
use crate::{
    engines::Database,
    programs::{is_applied, migrate, migration, run, runner},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        a_saved_plan_is_carried_out_once,
        a_plan_shows_what_was_found_and_no_password,
        what_has_become_other_is_named_and_nothing_is_changed,
        a_plan_of_elsewhere_is_refused,
        a_file_that_is_no_plan_is_refused,
        a_plan_takes_the_place_of_a_plan_and_of_nothing_else,
        a_plan_of_nothing_says_that_nothing_is_pending,
        a_plan_of_nothing_up_to_a_migration_stays_one,
        a_plan_of_one_migration_applies_no_other,
        a_plan_has_the_limit_of_rewrites_too,
        a_runner_plans_an_applications_list,
        a_step_that_was_not_planned_is_not_run,
        a_plan_and_another_choice_are_wrong_usage,
    ];
    if backend == DbBackend::Postgres {
        tests.extend(tests![a_plan_stays_the_same_while_rows_are_inserted]);
    }
    tests
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn in_folder(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

fn save(database: &Database, file: &str) -> String {
    migrate(database, ["up", "--dry-run", "--save", file]).expect_success()
}

fn read(file: &str) -> Value {
    let text = fs::read_to_string(file).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

async fn a_saved_plan_is_carried_out_once(database: Database) {
    make_narrow_table(&database).await;
    let folder = folder();
    let file = in_folder(&folder, "plan.json");
    let before = Inventory::of(&database).await;

    let shown = save(&database, &file);

    assert_eq!(Inventory::of(&database).await, before);
    assert_eq!(
        shown,
        migrate(&database, ["up", "--dry-run"]).expect_success()
    );
    let up = migrate(&database, ["up", "--plan", &file]).expect_success();
    // MariaDB prints the type of a column that a step has widened with a display width.
    let spelled_alike = |all: Vec<String>| all.join("\n").replace("int(11)", "int");
    assert_eq!(spelled_alike(statements(&shown)), spelled_alike(ran(&up)));
    migrate(&database, ["check"]).expect_success();
    let done = Inventory::of(&database).await;
    let again = migrate(&database, ["up", "--plan", &file]).expect_error();
    assert!(
        again.contains("m20250524_120000_create_vectors is not pending"),
        "{again}"
    );
    assert_eq!(Inventory::of(&database).await, done);
}

/// Rows come and go between a review and its plan.
async fn a_plan_stays_the_same_while_rows_are_inserted(database: Database) {
    let legacy = include_str!("../../shapes/postgres/sequence_behind.sql");
    database.execute([legacy]).await;
    let folder = folder();
    let file = in_folder(&folder, "plan.json");
    save(&database, &file);

    let row = "INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (70000, 1, 9, '[]')";
    database.execute([row]).await;

    migrate(&database, ["up", "--plan", &file]).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn a_plan_shows_what_was_found_and_no_password(database: Database) {
    make_narrow_table(&database).await;
    let folder = folder();
    let file = in_folder(&folder, "plan.json");

    save(&database, &file);

    let plan = read(&file);
    let text = plan.to_string();
    let vectors = &plan["migrations"][1];
    assert_eq!(vectors["migration"], "m20250524_120000_create_vectors");
    let found = vectors["found"].as_array().expect("a list");
    let page = found
        .iter()
        .find(|one| one["part"] == "page")
        .expect("page");
    assert!(
        page["found"]
            .as_str()
            .is_some_and(|found| found.contains("page ")),
        "{page}"
    );
    assert!(
        page["locks"][0]
            .as_str()
            .is_some_and(|lock| lock.contains(" bytes")),
        "{page}"
    );
    assert!(
        vectors["statements"]
            .as_array()
            .is_some_and(|all| all.len() > 1),
        "{vectors}"
    );
    if let Some(password) = database.password() {
        assert!(!text.contains(&password), "{text}");
    }
}

async fn what_has_become_other_is_named_and_nothing_is_changed(database: Database) {
    make_narrow_table(&database).await;
    let folder = folder();
    let file = in_folder(&folder, "plan.json");
    save(&database, &file);

    database
        .execute(["CREATE INDEX ix_vectors_doc_id ON vectors (doc_id)"])
        .await;
    let before = Inventory::of(&database).await;
    let error = migrate(&database, ["up", "--plan", &file]).expect_error();
    assert!(
        error.contains("m20250524_120000_create_vectors: not found any more: "),
        "{error}"
    );
    assert!(
        error.contains("Nothing was changed") && error.contains("--save FILE"),
        "{error}"
    );
    assert_eq!(Inventory::of(&database).await, before);

    save(&database, &file);
    migrate(&database, ["up", "-n", "1"]).expect_success();
    let before = Inventory::of(&database).await;
    let error = migrate(&database, ["up", "--plan", &file]).expect_error();
    assert!(
        error.contains("m20250524_000000_create_documents is not pending"),
        "{error}"
    );
    assert_eq!(Inventory::of(&database).await, before);
}

async fn a_plan_of_elsewhere_is_refused(database: Database) {
    let folder = folder();
    let (file, edited) = (
        in_folder(&folder, "plan.json"),
        in_folder(&folder, "edited.json"),
    );
    save(&database, &file);
    let before = Inventory::of(&database).await;
    let engine = match database.backend() {
        DbBackend::Sqlite => "postgres",
        _ => "sqlite",
    };

    for (pointer, value, words) in [
        ("/database", json!("elsewhere"), "database \"elsewhere\""),
        ("/schema", json!("elsewhere"), "schema \"elsewhere\""),
        ("/engine", json!(engine), "the engine "),
        ("/release", json!("0.0.1"), "the release 0.0.1"),
        (
            "/migration_table",
            json!("records"),
            "the migration table \"records\"",
        ),
        (
            "/migrations/0/migration",
            json!("m1_other"),
            "m1_other is not pending",
        ),
        (
            "/migrations/1/statements/0",
            json!("DROP TABLE documents"),
            "`DROP TABLE documents`",
        ),
        ("/migrations/1/found", json!([]), "found now: "),
    ] {
        let mut plan = read(&file);
        *plan.pointer_mut(pointer).expect(pointer) = value;
        fs::write(&edited, plan.to_string()).expect("it is written");

        let error = migrate(&database, ["up", "--plan", &edited]).expect_error();

        assert!(error.contains(words), "{words}: {error}");
        assert_eq!(Inventory::of(&database).await, before);
    }
    let table = ["--migration-table", "others", "up", "--plan", &file];
    let error = migrate(&database, table).expect_error();
    assert!(
        error.contains("the migration table \"seaql_migrations\""),
        "{error}"
    );
    // No SQLite file is created for a plan of another database.
    let absent = in_folder(&folder, "absent.db");
    let url = format!("sqlite://{absent}?mode=rwc");
    let error = run(migration().args(["-u", &url, "up", "--plan", &file])).expect_error();
    assert!(
        error.contains("absent.db") || error.contains("the engine"),
        "{error}"
    );
    assert!(!Path::new(&absent).exists());
    migrate(&database, ["up", "--plan", &file]).expect_success();
}

async fn a_file_that_is_no_plan_is_refused(database: Database) {
    let folder = folder();
    let file = in_folder(&folder, "plan.json");
    save(&database, &file);
    let whole = fs::read_to_string(&file).expect("a file");
    let before = Inventory::of(&database).await;

    for (content, words) in [
        ("", "it was not written by `--save`"),
        ("{}", "it was not written by `--save`"),
        ("[1]", "it was not written by `--save`"),
        ("SELECT 1;", "it was not written by `--save`"),
        (
            &whole.replace("plan 1", "plan 2"),
            "it was not written by `--save`",
        ),
        (&whole[..whole.len() / 2], "it is damaged"),
        (
            &whole.replace("\"release\"", "\"relief\""),
            "it is damaged: its \"release\"",
        ),
        (
            &whole.replace("\"statements\"", "\"words\""),
            "it is damaged: its \"statements\"",
        ),
    ] {
        let other = in_folder(&folder, "other.json");
        fs::write(&other, content).expect("it is written");
        let error = migrate(&database, ["up", "--plan", &other]).expect_error();
        assert!(
            error.contains("other.json cannot be used as a plan: "),
            "{error}"
        );
        assert!(error.contains(words), "{words}: {error}");
    }
    for other in ["", "absent.json"].map(|name| in_folder(&folder, name)) {
        let error = migrate(&database, ["up", "--plan", &other]).expect_error();
        assert!(error.contains("cannot be used as a plan"), "{error}");
    }
    assert_eq!(Inventory::of(&database).await, before);
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.path()).expect("a folder");
    files.map(|file| file.expect("a file").path()).collect()
}

async fn a_plan_takes_the_place_of_a_plan_and_of_nothing_else(database: Database) {
    let folder = folder();
    let (file, link) = (
        in_folder(&folder, "plan.json"),
        in_folder(&folder, "link.json"),
    );
    fs::write(&file, "").expect("it is written");
    save(&database, &file);
    let first = read(&file);

    migrate(&database, ["up", "-n", "1"]).expect_success();
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    save(&database, &link);

    assert_ne!(read(&file), first);
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    let other = in_folder(&folder, "other.txt");
    for content in [
        "precious",
        "{}",
        &fs::read_to_string(&file).expect("a file")[1..],
    ] {
        fs::write(&other, content).expect("it is written");
        let error =
            migrate(&database, ["up", "--dry-run", "--save", &other]).expect_error_after_messages();
        assert!(error.contains("exists and is not a plan"), "{error}");
        assert_eq!(fs::read_to_string(&other).expect("a file"), content);
    }
    for nowhere in [
        in_folder(&folder, ""),
        in_folder(&folder, "no/such/folder"),
        "/dev/null".to_owned(),
    ] {
        let error = migrate(&database, ["up", "--dry-run", "--save", &nowhere])
            .expect_error_after_messages();
        assert!(error.contains("the plan was not saved"), "{error}");
    }
    assert_eq!(files(&folder).len(), 3, "{:?}", files(&folder));
}

async fn a_plan_of_nothing_says_that_nothing_is_pending(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let folder = folder();
    let file = in_folder(&folder, "plan.json");

    let shown = save(&database, &file);

    assert_eq!(shown, "-- nothing to do\n");
    let up = migrate(&database, ["up", "--plan", &file]).expect_success();
    assert!(up.contains("No pending migrations"), "{up}");
    migrate(&database, ["down"]).expect_success();
    let error = migrate(&database, ["up", "--plan", &file]).expect_error();
    assert!(
        error.contains("m20261123_000000_store_vector_ids is pending, and not in the plan"),
        "{error}"
    );
}

async fn a_plan_of_nothing_up_to_a_migration_stays_one(database: Database) {
    let to = ["up", "--to", "create_documents"];
    migrate(&database, to).expect_success();
    let folder = folder();
    for (at, extent) in [["--to", "create_documents"], ["-n", "0"]]
        .iter()
        .enumerate()
    {
        let file = in_folder(&folder, &format!("{at}.json"));
        let save = ["up", extent[0], extent[1], "--dry-run", "--save", &file];
        migrate(&database, save).expect_success();

        migrate(&database, ["up", "--plan", &file]).expect_success();
    }
}

async fn a_plan_of_one_migration_applies_no_other(database: Database) {
    let folder = folder();
    let file = in_folder(&folder, "plan.json");
    migrate(
        &database,
        [
            "up",
            "--to",
            "create_documents",
            "--dry-run",
            "--save",
            &file,
        ],
    )
    .expect_success();

    migrate(&database, ["up", "--plan", &file]).expect_success();

    assert!(is_applied(&database, "create_documents"));
    assert!(!is_applied(&database, "create_vectors"));
}

async fn a_plan_has_the_limit_of_rewrites_too(database: Database) {
    make_narrow_table(&database).await;
    let folder = folder();
    let file = in_folder(&folder, "plan.json");
    save(&database, &file);
    let before = Inventory::of(&database).await;

    let error = migrate(&database, ["--max-rewrite", "1KiB", "up", "--plan", &file]).expect_error();

    assert!(error.contains("above the limit of"), "{error}");
    assert_eq!(Inventory::of(&database).await, before);
}

async fn a_runner_plans_an_applications_list(database: Database) {
    let db = database.connect().await;
    let runner = Runner::<AppMigrator>::default();
    // Its own migration creates what ours need.
    let from_nothing = runner.plan_up(&db, None).await.expect("a plan");
    let is_known = |one: &PlannedMigration| one.statements.is_some();
    assert_eq!(from_nothing.migrations.len(), 5, "{from_nothing:?}");
    assert!(
        !from_nothing.migrations.iter().any(is_known),
        "{from_nothing:?}"
    );
    runner
        .up(&db, Extent::to("app_documents"))
        .await
        .expect("up");

    let plan = runner
        .plan_up(&db, Extent::to("store_vector_ids"))
        .await
        .expect("a plan");
    runner.up_as_planned(&db, &plan).await.expect("up");

    let status = runner.status(&db).await.expect("status").migrations;
    let applied: Vec<bool> = status.iter().map(|one| one.applied_at.is_some()).collect();
    assert_eq!(applied, [true, true, true, true, false]);
    let plan = runner.plan_up(&db, None).await.expect("a plan");
    assert_eq!(
        plan.migrations[0].statements, None,
        "its own is shown by running it"
    );
    runner.up_as_planned(&db, &plan).await.expect("up");
    let again = runner.up_as_planned(&db, &plan).await;
    assert!(matches!(again, Err(Error::PlanDiffers { .. })), "{again:?}");
}

/// A migration that creates another table than the one that ours would create.
struct Meddles;

impl MigrationName for Meddles {
    fn name(&self) -> &str {
        "m20200101_000000_meddles"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Meddles {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let table = "CREATE TABLE vectors (id integer NOT NULL PRIMARY KEY, doc_id integer NOT NULL, page integer, \
                     vector_ids text NOT NULL)";
        db.execute_unprepared(table).await.map(|_| ())
    }
}

struct Meddling;

#[async_trait::async_trait]
impl MigratorTrait for Meddling {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all: Vec<Box<dyn MigrationTrait>> = vec![Box::new(Meddles)];
        all.extend(migration::Migrator::migrations());
        all
    }
}

async fn a_step_that_was_not_planned_is_not_run(database: Database) {
    database
        .execute(["CREATE TABLE documents (id integer NOT NULL PRIMARY KEY)"])
        .await;
    let db = database.connect().await;
    let runner = Runner::<Meddling>::default();
    let plan = runner.plan_up(&db, None).await.expect("a plan");

    let stopped = runner.up_as_planned(&db, &plan).await;

    let is_unplanned = matches!(
        &stopped,
        Err(Error::Converge(ConvergeError::Unplanned { done: 0, .. }))
    );
    assert!(is_unplanned, "{stopped:?}");
    let report = self::runner().check(&db).await.expect("check");
    assert!(
        report.differences.iter().any(|one| one.part == "page"),
        "{report:?}"
    );
}

async fn a_plan_and_another_choice_are_wrong_usage(database: Database) {
    let folder = folder();
    let file = in_folder(&folder, "plan.json");
    for arguments in [
        &["up", "--save", &file][..],
        &["up", "--plan", &file, "-n", "1"],
        &["up", "--plan", &file, "--to", "create_vectors"],
        &["up", "--plan", &file, "--dry-run"],
        &["up", "--plan", &file, "--save", &file],
        &["down", "--dry-run", "--save", &file],
    ] {
        let finished = migrate(&database, arguments);
        assert_eq!(finished.code, Some(2), "{finished:?}");
    }
    assert!(files(&folder).is_empty());
}
