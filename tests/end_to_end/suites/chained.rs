//! Next to an application's own SeaORM migrator: with a migration table for each, or in one list.

use std::process::Command;

use migration::{Error, Migrator, MigratorTrait, Runner};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};
use sea_orm_migration::{
    MigrationName, MigrationStatus, MigrationTrait, SchemaManager, async_trait,
};
use tests::chained::{AppMigrator, OWN_TABLE, OwnTable, WithoutOurs};

use super::{
    Test,
    shape::{lines, tables},
};
use crate::{
    engines::Database,
    programs::{all_at_once, client, migrate, migration, run},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        a_stock_migrator_with_these_in_its_list_goes_up_and_down,
        a_stock_migrator_with_another_table_of_records_goes_up_and_down,
        an_applications_list_is_run_by_the_runner,
        processes_at_once_run_an_applications_list,
        a_record_of_another_migrator_names_both_ways_out,
        the_command_line_compares_where_an_application_runs_these_migrations,
        two_migrators_with_a_table_of_records_each_do_not_meet,
        every_command_keeps_to_the_named_table_of_records,
        a_script_keeps_to_the_named_table_of_records,
        a_table_of_records_is_called_whatever_the_engine_takes,
        a_name_that_is_no_table_of_records_is_refused,
        a_view_is_no_table_of_records,
        an_external_migration_that_fails_is_not_run_again,
    ];
    if backend == DbBackend::Postgres {
        tests.extend(tests![
            an_external_migration_outside_a_transaction_is_run_in_no_other_schema
        ]);
    }
    tests
}

async fn a_view_is_no_table_of_records(database: Database) {
    database
        .execute([
            "CREATE TABLE kept (version varchar(255), applied_at bigint)",
            "CREATE VIEW records AS SELECT version, applied_at FROM kept",
        ])
        .await;

    for command in ["up", "down", "reset"] {
        let error = migrate(&database, ["--migration-table", "records", command]).expect_error();
        assert!(error.contains("is no table"), "{error}");
    }

    let kept = "SELECT version FROM kept";
    assert_eq!(lines(&database.connect().await, kept).await, [""; 0]);
}

struct Failing;

impl MigrationName for Failing {
    fn name(&self) -> &str {
        "m20300101_000000_fails"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Failing {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("INSERT INTO attempts VALUES (1)")
            .await?;
        // The table exists, as after another session has won a race.
        let table = "CREATE TABLE attempts (number integer)";
        db.execute_unprepared(table).await.map(|_| ())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

struct FailingMigrator;

#[async_trait::async_trait]
impl MigratorTrait for FailingMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Failing)]
    }
}

async fn an_external_migration_that_fails_is_not_run_again(database: Database) {
    database
        .execute(["CREATE TABLE attempts (number integer)"])
        .await;
    let db = database.connect().await;

    let failed = Runner::<FailingMigrator>::default().up(&db, None).await;

    let named =
        matches!(&failed, Err(Error::ExternalMigration { name, .. }) if name.ends_with("fails"));
    assert!(named, "{failed:?}");
    let attempts: usize = match database.backend() {
        // One transaction holds the lock and does the work.
        DbBackend::Sqlite => 0,
        _ => 1,
    };
    let counted = "SELECT concat('', count(*)) FROM attempts";
    assert_eq!(lines(&db, counted).await, [attempts.to_string()]);
}

async fn an_external_migration_outside_a_transaction_is_run_in_no_other_schema(database: Database) {
    let in_each = [
        "CREATE SCHEMA app",
        "CREATE TABLE attempts (number integer)",
    ];
    database.execute(in_each).await;
    let db = database.connect().await;
    let runner = Runner::<FailingMigrator>::default().schema("app");

    let failed = runner.up(&db, None).await.expect_err("another schema");

    assert!(
        failed.to_string().contains("set_schema_search_path"),
        "{failed}"
    );
    let counted = "SELECT concat('', count(*)) FROM attempts";
    assert_eq!(lines(&db, counted).await, ["0"]);
}

const OURS: [&str; 2] = ["documents", "vectors"];

/// Returns the tables of [`OURS`] and of the application that exist.
async fn there(db: &DatabaseConnection) -> Vec<String> {
    let mut tables = tables(db).await;
    tables.retain(|name| OURS.contains(&name.as_str()) || name == "notes");
    tables.sort_unstable();
    tables
}

async fn applied<M: MigratorTrait>(db: &DatabaseConnection) -> usize {
    let all = M::get_migration_with_status(db).await.expect("status");
    all.iter()
        .filter(|one| one.status() == MigrationStatus::Applied)
        .count()
}

async fn as_declared(db: &DatabaseConnection) {
    let report = migration::check(db).await.expect("check looks");
    assert!(report.as_declared(), "{report:?}");
}

async fn a_stock_migrator_with_these_in_its_list_goes_up_and_down(database: Database) {
    stock_goes_up_and_down::<AppMigrator>(&database).await;
}

async fn a_stock_migrator_with_another_table_of_records_goes_up_and_down(database: Database) {
    stock_goes_up_and_down::<OwnTable>(&database).await;
    let db = database.connect().await;
    let tables = tables(&db).await;
    assert!(tables.contains(&OWN_TABLE.to_owned()), "{tables:?}");
    assert!(
        !tables.contains(&"seaql_migrations".to_owned()),
        "{tables:?}"
    );
}

async fn stock_goes_up_and_down<M: MigratorTrait>(database: &Database) {
    let db = database.connect().await;
    let all = ["documents", "notes", "vectors"];
    M::up(&db, None).await.expect("up");
    assert_eq!(there(&db).await, all);
    as_declared(&db).await;
    assert_eq!(applied::<M>(&db).await, 5);
    M::status(&db).await.expect("status");

    for (left, tables) in [
        (4, &["documents", "vectors"][..]),
        (3, &["documents", "vectors"]),
        (2, &["documents"]),
        (1, &["documents"]),
        (0, &[]),
    ] {
        M::down(&db, Some(1)).await.expect("down");
        assert_eq!(applied::<M>(&db).await, left);
        assert_eq!(there(&db).await, tables);
    }

    M::up(&db, Some(3)).await.expect("up");
    assert_eq!(there(&db).await, ["documents", "vectors"]);
    M::up(&db, None).await.expect("up");
    M::refresh(&db).await.expect("refresh");
    assert_eq!(applied::<M>(&db).await, 5);
    as_declared(&db).await;
    M::fresh(&db).await.expect("fresh");
    assert_eq!(there(&db).await, all);
    assert_eq!(applied::<M>(&db).await, 5);
    as_declared(&db).await;
}

async fn an_applications_list_is_run_by_the_runner(database: Database) {
    runs::<AppMigrator>(&database).await;
    runs::<OwnTable>(&database).await;
}

async fn runs<M: MigratorTrait>(database: &Database) {
    let db = database.connect().await;
    let runner = Runner::<M>::default();
    let applied = async || {
        let status = runner.status(&db).await.expect("status");
        let migrations = status.migrations.iter();
        migrations.filter(|one| one.applied_at.is_some()).count()
    };
    let all = ["documents", "notes", "vectors"];
    runner.up(&db, None).await.expect("up");
    runner.up(&db, None).await.expect("nothing is left to do");
    assert_eq!(
        (applied().await, there(&db).await),
        (5, all.map(str::to_owned).to_vec())
    );
    as_declared(&db).await;

    runner.down(&db, Some(3)).await.expect("down");
    assert_eq!(applied().await, 2);
    assert_eq!(there(&db).await, ["documents"]);
    runner.refresh(&db).await.expect("refresh");
    assert_eq!(applied().await, 5);
    as_declared(&db).await;
    // The stock migrator finds what the runner has done.
    assert!(
        M::get_pending_migrations(&db)
            .await
            .expect("status")
            .is_empty()
    );

    runner.reset(&db).await.expect("reset");
    assert_eq!(there(&db).await, [""; 0]);
    let records = M::migration_table_name().to_string();
    assert!(!tables(&db).await.contains(&records));
}

const ROUNDS: usize = 5;
const PROCESSES: usize = 8;

async fn processes_at_once_run_an_applications_list(database: Database) {
    let mut failed = Vec::new();
    for _ in 0..ROUNDS {
        database.empty().await;
        let application = || {
            let mut application = Command::new(env!("CARGO_BIN_EXE_chained"));
            application.arg(&database.url);
            application
        };
        let finished = all_at_once(std::iter::repeat_with(application).take(PROCESSES));
        failed.extend(finished.into_iter().filter(|one| one.code != Some(0)));
        let db = database.connect().await;
        assert_eq!(applied::<AppMigrator>(&db).await, 5);
        as_declared(&db).await;
        db.close().await.expect("it closes");
    }
    println!(
        "{}: {PROCESSES} x an application's list on a fresh database: {ROUNDS} rounds, {} failures",
        database.engine.name,
        failed.len()
    );
    assert!(failed.is_empty(), "{failed:?}");
}

/// Prepares a database in which the application came first, and has recorded its own migrations in
/// the default table.
async fn beside_an_application(database: &Database) -> DatabaseConnection {
    let db = database.connect().await;
    WithoutOurs::up(&db, None).await.expect("the application's");
    db
}

async fn a_record_of_another_migrator_names_both_ways_out(database: Database) {
    let db = beside_an_application(&database).await;
    for command in [
        &["up"][..],
        &["up", "--dry-run"],
        &["status"],
        &["down"],
        &["reset"],
    ] {
        let mut process = migration();
        process.env("DATABASE_URL", &database.url).args(command);
        let finished = run(&mut process);

        assert_eq!(finished.code, Some(1), "{finished:?}");
        for words in [
            "seaql_migrations",
            database.name.as_str(),
            "m20200101_000000_app_documents, m20300101_000000_app_notes",
            "Runner::migration_table",
            "migration::Migrator::migrations()",
            "--migration-table",
            "MIGRATION_TABLE",
        ] {
            assert!(finished.stderr.contains(words), "{words}: {finished:?}");
        }
    }
    let error = Migrator::up(&db, None).await.expect_err("others' records");
    assert!(!error.to_string().contains("--migration-table"), "{error}");
    assert_eq!(applied::<WithoutOurs>(&db).await, 2);
    assert_eq!(there(&db).await, ["documents", "notes"]);
}

async fn the_command_line_compares_where_an_application_runs_these_migrations(database: Database) {
    let db = database.connect().await;
    AppMigrator::up(&db, None).await.expect("up");

    let compared = migrate(&database, ["check"]).expect_success();

    assert!(compared.contains("as declared"), "{compared}");
    for command in ["up", "down", "status", "repair"] {
        let error = migrate(&database, [command]).expect_error();
        assert!(error.contains("m20300101_000000_app_notes"), "{error}");
    }
    let runner = Runner::<AppMigrator>::default();
    let repaired = runner.repair(&db, migration::Orphans::Keep).await;
    assert!(repaired.expect("it is repaired").report.as_declared());
}

async fn two_migrators_with_a_table_of_records_each_do_not_meet(database: Database) {
    let db = beside_an_application(&database).await;
    let ours = Runner::new().migration_table("vectors_migrations");

    ours.up(&db, None).await.expect("up");
    as_declared(&db).await;
    WithoutOurs::down(&db, Some(1)).await.expect("down");
    WithoutOurs::up(&db, None).await.expect("up");
    ours.refresh(&db).await.expect("refresh");
    ours.down(&db, None).await.expect("down");
    assert_eq!(there(&db).await, ["documents", "notes"]);
    let status = ours.status(&db).await.expect("status");
    assert!(status.migrations.iter().all(|one| one.applied_at.is_none()));
    ours.reset(&db).await.expect("reset");

    assert_eq!(applied::<WithoutOurs>(&db).await, 2);
    let error = ours.fresh(&db).await.expect_err("the application's tables");
    assert!(matches!(error, Error::TablesOfOthers { .. }), "{error}");
}

async fn every_command_keeps_to_the_named_table_of_records(database: Database) {
    let table = "vectors_migrations";
    let named = |arguments: &[&str]| {
        let arguments = [&["--migration-table", table], arguments].concat();
        migrate(&database, arguments).expect_success()
    };
    let db = database.connect().await;
    let dry = named(&["up", "--dry-run"]);
    named(&["up"]);
    let status = named(&["status"]);
    assert!(!status.contains("pending"), "{status}");
    let nothing = named(&["up", "--dry-run"]);
    assert_eq!(nothing, "-- nothing to do\n");
    named(&["down"]);
    let dry_down = named(&["down", "--dry-run", "-n", "2"]);
    for shown in [&dry, &dry_down] {
        assert!(shown.contains(table), "{shown}");
        assert!(!shown.contains("seaql_migrations"), "{shown}");
    }
    named(&["refresh"]);
    named(&["repair"]);
    named(&["check"]);
    let status = named(&["status"]);
    assert_eq!(status.matches(" applied ").count(), 3, "{status}");
    let fresh = named(&["fresh"]);
    assert!(fresh.contains(table), "{fresh}");
    named(&["reset"]);
    assert_eq!(
        tables(&db)
            .await
            .iter()
            .filter(|name| *name == table)
            .count(),
        0
    );

    let mut by_variable = migration();
    by_variable.env("DATABASE_URL", &database.url).arg("up");
    run(by_variable.env("MIGRATION_TABLE", table)).expect_success();

    let all = tables(&db).await;
    assert!(all.contains(&table.to_owned()), "{all:?}");
    assert!(!all.contains(&"seaql_migrations".to_owned()), "{all:?}");
}

async fn a_script_keeps_to_the_named_table_of_records(database: Database) {
    let db = beside_an_application(&database).await;
    let backend = match database.backend() {
        DbBackend::Postgres => "postgres",
        DbBackend::MySql => "mysql",
        _ => "sqlite",
    };
    let script = |arguments: &[&str]| {
        let arguments = [&["sql", "--backend", backend], arguments].concat();
        run(migration().args(arguments)).expect_success()
    };
    let stopped = client(&database, &script(&["up"]));
    assert_ne!(stopped.code, Some(0), "{stopped:?}");
    let reason = "another migrator was here";
    assert!(stopped.stderr.contains(reason), "{stopped:?}");

    let table = ["--migration-table", "it's \"ours\""];
    client(&database, &script(&[&["up"], &table[..]].concat())).expect_success();
    as_declared(&db).await;
    let named = |command: &[&str]| {
        let arguments = [&table[..], command].concat();
        migrate(&database, arguments).expect_success()
    };
    assert!(named(&["up"]).contains("No pending migrations"));
    let down = script(&[&["down", "-n", "3"], &table[..]].concat());
    client(&database, &down).expect_success();
    assert_eq!(named(&["status"]).matches("pending").count(), 3);
    assert_eq!(there(&db).await, ["documents", "notes"]);
    assert_eq!(applied::<WithoutOurs>(&db).await, 2);
}

async fn a_table_of_records_is_called_whatever_the_engine_takes(database: Database) {
    let db = beside_an_application(&database).await;
    for name in [
        "Select",
        "a b",
        "quo\"te",
        "back`tick",
        "it's",
        "semi;colon",
        "back\\slash",
        "ä",
    ] {
        let runner = Runner::new().migration_table(name);
        runner.up(&db, None).await.expect(name);
        let status = runner.status(&db).await.expect(name);
        let applied = status.migrations.iter().all(|one| one.applied_at.is_some());
        assert!(applied, "{name}: {status:?}");
        runner.down(&db, Some(1)).await.expect(name);
        runner.reset(&db).await.expect(name);
        assert!(!tables(&db).await.contains(&name.to_owned()), "{name}");
    }
    // SQLite's names do not differ only in case.
    if database.backend() == DbBackend::Sqlite {
        Runner::new()
            .migration_table("Records")
            .up(&db, None)
            .await
            .expect("up");
        let lower = Runner::new().migration_table("records");
        lower.down(&db, Some(1)).await.expect("down");
        let status = lower.status(&db).await.expect("status");
        let pending = status
            .migrations
            .iter()
            .filter(|one| one.applied_at.is_none());
        assert_eq!(pending.count(), 1);
    }
}

async fn a_name_that_is_no_table_of_records_is_refused(database: Database) {
    let db = beside_an_application(&database).await;
    let long = "x".repeat(65);
    let mut refused = vec!["documents", "Vectors"];
    if database.backend() != DbBackend::Sqlite {
        refused.push(&long);
    }
    if database.backend() == DbBackend::Postgres {
        database
            .execute([
                "CREATE TYPE records AS ENUM ('one')",
                "CREATE SEQUENCE numbers",
            ])
            .await;
        refused.extend(["records", "numbers"]);
    }
    for name in refused {
        for command in ["up", "down", "status", "reset"] {
            let error = migrate(&database, ["--migration-table", name, command]).expect_error();
            assert!(error.contains("cannot be called"), "{command}: {error}");
        }
    }
    // A table of another tool, which has a column of one of the names.
    database
        .execute(["CREATE TABLE schema_migrations (version varchar(255) NOT NULL PRIMARY KEY)"])
        .await;
    for command in ["up", "reset"] {
        let arguments = ["--migration-table", "schema_migrations", command];
        migrate(&database, arguments).expect_error();
    }
    let kept = db.execute_unprepared("SELECT version FROM schema_migrations");
    kept.await.expect("it is kept");
    assert_eq!(there(&db).await, ["documents", "notes"]);
}
