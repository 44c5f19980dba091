//! `up --dry-run` and `down --dry-run`.

use super::{Test, inventory::Inventory};
use crate::{
    engines::Database,
    programs::{Finished, is_applied, migrate},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_dry_run_of_up_shows_what_up_then_runs,
        a_dry_run_of_up_on_an_older_table_shows_what_up_then_runs,
        a_dry_run_of_up_says_that_there_is_nothing_to_do,
        a_dry_run_of_up_refuses_what_up_refuses,
        a_dry_run_of_down_shows_what_goes,
    ]
}

/// Returns the statements, without those on the records.
pub(super) fn statements(script: &str) -> Vec<String> {
    script
        .lines()
        .filter(|line| !line.starts_with("--") && !line.contains("seaql_migrations"))
        .map(|line| line.trim_end_matches(';').to_owned())
        .collect()
}

/// Returns the indented lines that are not times.
pub(super) fn ran(up: &str) -> Vec<String> {
    up.lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with("done in"))
        .map(str::to_owned)
        .collect()
}

async fn is_shown_and_then_run(database: &Database) {
    let before = Inventory::of(database).await;

    let dry = migrate(database, ["up", "--dry-run"]).expect_success();

    assert_eq!(Inventory::of(database).await, before);
    for name in ["create_documents", "create_vectors", "store_vector_ids"] {
        assert!(dry.contains(name), "{dry}");
        assert!(!is_applied(database, name));
    }
    let up = migrate(database, ["up"]).expect_success();
    assert_eq!(statements(&dry), ran(&up), "{dry}\n{up}");
    let again = migrate(database, ["up", "--dry-run"]).expect_success();
    assert_eq!(again, "-- nothing to do\n");
}

async fn a_dry_run_of_up_shows_what_up_then_runs(database: Database) {
    is_shown_and_then_run(&database).await;
}

async fn a_dry_run_of_up_on_an_older_table_shows_what_up_then_runs(database: Database) {
    database
        .execute([
            "CREATE TABLE documents (id integer NOT NULL PRIMARY KEY)",
            "CREATE TABLE vectors (id integer NOT NULL PRIMARY KEY, doc_id integer NOT NULL,
                 page integer, vector_ids text NOT NULL)",
            "INSERT INTO documents (id) VALUES (1)",
            "INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '[]')",
        ])
        .await;

    is_shown_and_then_run(&database).await;
}

async fn a_dry_run_of_up_says_that_there_is_nothing_to_do(database: Database) {
    migrate(&database, ["up"]).expect_success();

    let dry = migrate(&database, ["up", "--dry-run"]).expect_success();

    assert_eq!(dry, "-- nothing to do\n");
}

async fn a_dry_run_of_up_refuses_what_up_refuses(database: Database) {
    database
        .execute([
            "CREATE TABLE documents (id integer NOT NULL PRIMARY KEY)",
            "CREATE VIEW vectors AS SELECT id FROM documents",
        ])
        .await;

    let dry = migrate(&database, ["up", "--dry-run"]);

    assert_eq!(dry.stdout, "");
    let without_messages = |finished: Finished| (finished.code, finished.last_error().to_owned());
    let up = migrate(&database, ["up"]);
    assert_eq!(without_messages(dry), without_messages(up));
}

async fn a_dry_run_of_down_shows_what_goes(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let before = Inventory::of(&database).await;

    let one = migrate(&database, ["down", "--dry-run"]).expect_success();
    let two = migrate(&database, ["down", "-n", "2", "--dry-run"]).expect_success();

    assert!(
        one.contains("store_vector_ids") && !one.contains("DROP TABLE"),
        "{one}"
    );
    assert!(two.starts_with(&one) && two.contains("DROP TABLE"), "{two}");
    assert_eq!(Inventory::of(&database).await, before);
    assert!(is_applied(&database, "store_vector_ids"));
}
