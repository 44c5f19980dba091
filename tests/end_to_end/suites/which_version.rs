//! `up --to NAME`, `down --to NAME` and the like: how far a command goes through the list of
//! migrations.

use std::path::Path;

use migration::{Error, Extent, MigratorTrait, Runner};
use sea_orm::{DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};
use tests::chained::AppMigrator;

use super::{Test, inventory::Inventory};
use crate::{
    engines::Database,
    programs::{client, is_applied, migrate, migration, run, runner},
};

pub fn tests() -> Vec<Test> {
    tests![
        up_to_a_name_applies_it_and_those_before_it,
        down_to_a_name_leaves_it_and_those_before_it,
        a_dry_run_to_a_name_shows_what_is_then_run,
        a_script_to_a_name_ends_there,
        a_name_that_none_or_several_have_lists_names_and_changes_nothing,
        migrations_recorded_in_the_middle_are_passed_over,
        an_applications_list_goes_to_one_of_its_own_or_of_ours,
        a_whole_name_goes_before_a_part_of_another,
        a_count_and_a_name_are_wrong_usage,
    ]
}

const NAMES: [&str; 3] = ["create_documents", "create_vectors", "store_vector_ids"];

/// Returns how many of our migrations are applied, and requires that none comes after one that is
/// not.
fn applied(database: &Database) -> usize {
    let all = NAMES.map(|name| is_applied(database, name));
    let count = all.iter().filter(|is_applied| **is_applied).count();
    assert!(all[..count].iter().all(|is_applied| *is_applied), "{all:?}");
    count
}

async fn up_to_a_name_applies_it_and_those_before_it(database: Database) {
    let up = |to: &str| migrate(&database, ["up", "--to", to]).expect_success();

    let first = up("create_documents");
    assert!(first.contains("up to 'm20250524_000000_create_documents'"));
    assert_eq!(applied(&database), 1);
    up("m20250524_120000_create_vectors");
    assert_eq!(applied(&database), 2);
    for to in ["_vectors", "_documents"] {
        let again = up(to);
        assert!(again.contains("No pending migrations up to 'm2"), "{again}");
        assert_eq!(applied(&database), 2);
    }
    up("store");
    assert_eq!(applied(&database), 3);
    let again = up("store");
    assert!(again.contains("No pending migrations up to"), "{again}");
    migrate(&database, ["check"]).expect_success();
}

async fn down_to_a_name_leaves_it_and_those_before_it(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let down = |to: &str| migrate(&database, ["down", "--to", to]).expect_success();

    let nothing = down("store_vector_ids");
    assert!(nothing.contains("No applied migrations after 'm20261123_000000_store_vector_ids'"));
    assert_eq!(applied(&database), 3);
    down("create_documents");
    assert_eq!(applied(&database), 1);
    // It is not applied itself, and nothing after it is.
    let nothing = down("create_vectors");
    assert!(nothing.contains("No applied migrations after"), "{nothing}");
    assert_eq!(applied(&database), 1);
}

async fn a_dry_run_to_a_name_shows_what_is_then_run(database: Database) {
    let before = Inventory::of(&database).await;
    let dry = migrate(&database, ["up", "--to", "create_vectors", "--dry-run"]).expect_success();
    assert!(
        dry.contains("create_vectors") && !dry.contains("store_vector_ids"),
        "{dry}"
    );
    assert_eq!(Inventory::of(&database).await, before);
    let up = migrate(&database, ["up", "--to", "create_vectors"]).expect_success();
    assert_eq!(super::dry_run::statements(&dry), super::dry_run::ran(&up));
    let again = migrate(&database, ["up", "--to", "create_vectors", "--dry-run"]).expect_success();
    assert_eq!(again, "-- nothing to do\n");

    migrate(&database, ["up"]).expect_success();
    let before = Inventory::of(&database).await;
    let dry =
        migrate(&database, ["down", "--to", "create_documents", "--dry-run"]).expect_success();
    assert!(
        dry.contains("DROP TABLE") && dry.contains("store_vector_ids"),
        "{dry}"
    );
    assert!(
        !dry.contains("-- m20250524_000000_create_documents"),
        "{dry}"
    );
    assert_eq!(Inventory::of(&database).await, before);
}

async fn a_script_to_a_name_ends_there(database: Database) {
    let backend = match database.backend() {
        DbBackend::MySql => "mysql",
        DbBackend::Sqlite => "sqlite",
        _ => "postgres",
    };
    let script = |way: &str, to: &str| {
        let script = run(migration().args(["sql", way, "--backend", backend, "--to", to]));
        client(&database, &script.expect_success()).expect_success();
    };

    script("up", "create_vectors");
    assert_eq!(applied(&database), 2);
    migrate(&database, ["up"]).expect_success();
    script("down", "create_vectors");
    assert_eq!(applied(&database), 2);
    script("down", "create_documents");
    assert_eq!(applied(&database), 1);
}

async fn a_name_that_none_or_several_have_lists_names_and_changes_nothing(database: Database) {
    migrate(&database, ["up", "-n", "2"]).expect_success();
    let before = Inventory::of(&database).await;
    let commands = [
        &["up"][..],
        &["down"],
        &["up", "--dry-run"],
        &["down", "--dry-run"],
        &["sql", "up", "--backend", "sqlite"],
        &["sql", "down", "--backend", "sqlite"],
    ];
    for (to, listed) in [
        ("create_users", &NAMES[..]),
        ("", &NAMES),
        ("CREATE_VECTORS", &NAMES),
        ("create", &NAMES[..2]),
    ] {
        for command in commands {
            let arguments = [command, &["--to", to]].concat();
            let error = migrate(&database, &arguments).expect_error();
            for name in NAMES {
                assert_eq!(error.contains(name), listed.contains(&name), "{error}");
            }
            assert!(error.contains(&format!("{to:?}")), "{error}");
        }
    }
    assert_eq!(Inventory::of(&database).await, before);
    let absent = std::env::temp_dir().join(format!("{}_absent.db", database.name));
    let url = format!("sqlite://{}?mode=rwc", absent.display());
    run(migration().args(["-u", &url, "up", "--to", "users"])).expect_error();
    assert!(!Path::new(&absent).exists());
}

async fn migrations_recorded_in_the_middle_are_passed_over(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let forget = "DELETE FROM seaql_migrations WHERE version = 'm20250524_120000_create_vectors'";
    database.execute([forget]).await;

    let nothing = migrate(&database, ["up", "--to", "create_documents"]).expect_success();
    assert!(nothing.contains("No pending migrations up to"), "{nothing}");
    migrate(&database, ["up", "--to", "create_vectors"]).expect_success();
    assert_eq!(applied(&database), 3);

    database.execute([forget]).await;
    let down = migrate(&database, ["down", "--to", "create_vectors"]).expect_success();
    assert!(
        down.contains("'m20261123_000000_store_vector_ids' has been rolled back"),
        "{down}"
    );
    assert_eq!(applied(&database), 1);
}

/// Returns the names of the applied migrations of an application's list.
async fn recorded<M: MigratorTrait>(database: &Database) -> Vec<String> {
    let status = Runner::<M>::default()
        .status(&database.connect().await)
        .await;
    let migrations = status.expect("status").migrations.into_iter();
    let applied = migrations.filter(|one| one.applied_at.is_some());
    applied.map(|one| one.name).collect()
}

async fn an_applications_list_goes_to_one_of_its_own_or_of_ours(database: Database) {
    let db = database.connect().await;
    let runner = Runner::<AppMigrator>::default();
    let names: Vec<String> = AppMigrator::migrations()
        .iter()
        .map(|one| one.name().to_owned())
        .collect();

    for (to, count) in [
        ("app_documents", 1),
        ("store_vector_ids", 4),
        ("app_notes", 5),
    ] {
        let previews = runner
            .preview_up(&db, Extent::to(to))
            .await
            .expect("a preview");
        let applied = recorded::<AppMigrator>(&database).await.len();
        assert_eq!(previews.len(), count - applied, "{to}");
        runner.up(&db, Extent::to(to)).await.expect(to);
        assert_eq!(
            recorded::<AppMigrator>(&database).await,
            names[..count],
            "{to}"
        );
    }
    for (to, count) in [("create_vectors", 3), ("app_documents", 1)] {
        let previews = runner
            .preview_down(&db, Extent::to(to))
            .await
            .expect("a preview");
        let applied = recorded::<AppMigrator>(&database).await.len();
        assert_eq!(previews.len(), applied - count, "{to}");
        runner.down(&db, Extent::to(to)).await.expect(to);
        assert_eq!(
            recorded::<AppMigrator>(&database).await,
            names[..count],
            "{to}"
        );
    }
    let unknown = runner.up(&db, Extent::to("create_users")).await;
    assert!(
        matches!(unknown, Err(Error::NoSuchMigration { .. })),
        "{unknown:?}"
    );
    let several = runner.down(&db, Extent::to("documents")).await;
    assert!(
        matches!(several, Err(Error::AmbiguousMigration { .. })),
        "{several:?}"
    );
    assert_eq!(recorded::<AppMigrator>(&database).await, names[..1]);
}

struct Empty(&'static str);

impl MigrationName for Empty {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Empty {
    async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}

struct Notes;

#[async_trait::async_trait]
impl MigratorTrait for Notes {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let names = ["add_notes_first", "add_notes", "add_notes_index"];
        names
            .map(|name| Box::new(Empty(name)) as Box<dyn MigrationTrait>)
            .into()
    }
}

async fn a_whole_name_goes_before_a_part_of_another(database: Database) {
    let db = database.connect().await;
    let runner = Runner::<Notes>::default();

    runner.up(&db, Extent::to("add_notes")).await.expect("up");
    assert_eq!(
        recorded::<Notes>(&database).await,
        ["add_notes_first", "add_notes"]
    );
    runner.up(&db, None).await.expect("up");
    runner
        .down(&db, Extent::to("add_notes"))
        .await
        .expect("down");
    assert_eq!(
        recorded::<Notes>(&database).await,
        ["add_notes_first", "add_notes"]
    );
}

async fn a_count_and_a_name_are_wrong_usage(database: Database) {
    for command in [&["up"][..], &["down"], &["sql", "--backend", "sqlite"]] {
        let both = [command, &["-n", "1", "--to", "create_vectors"]].concat();
        let finished = migrate(&database, &both);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains("--to"), "{finished:?}");
    }
    let status = runner()
        .status(&database.connect().await)
        .await
        .expect("status");
    assert!(status.migrations.iter().all(|one| one.applied_at.is_none()));
}
