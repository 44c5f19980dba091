//! A step that copies or rewrites the table shows its size, and is refused above a limit.

use migration::{ConvergeError, Error, RemedyReport, Rewrites};
use sea_orm::DbBackend;
use serde_json::Value;

use super::{Test, inventory::Inventory};
use crate::{
    engines::Database,
    programs::{Finished, is_applied, migrate, runner},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        up_and_repair_refuse_a_rewrite_above_the_limit_before_they_change_anything,
        check_and_a_dry_run_show_the_bytes_that_are_rewritten,
        a_rewrite_up_to_the_limit_is_made,
        no_orphan_is_deleted_before_a_rewrite_that_is_refused,
        a_new_table_is_no_rewrite,
        a_size_that_cannot_be_read_is_wrong_usage,
    ];
    // MariaDB needs the index for the foreign key.
    if backend != DbBackend::MySql {
        tests.extend(tests![an_index_that_is_built_is_no_rewrite]);
    }
    tests
}

/// Creates a table whose pages are too narrow, and nullable.
pub(super) async fn make_narrow_table(database: &Database) {
    let engine = match database.backend() {
        DbBackend::MySql => " ENGINE = InnoDB",
        _ => "",
    };
    let documents = "CREATE TABLE documents (id integer NOT NULL PRIMARY KEY)";
    let vectors = "CREATE TABLE vectors (id integer NOT NULL PRIMARY KEY, doc_id integer NOT NULL, page smallint, \
                   vector_ids text NOT NULL)";
    database
        .execute([
            format!("{documents}{engine}").as_str(),
            format!("{vectors}{engine}").as_str(),
            "INSERT INTO documents (id) VALUES (1)",
            "INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (1, 1, 1, '[]')",
        ])
        .await;
}

async fn up_and_repair_refuse_a_rewrite_above_the_limit_before_they_change_anything(
    database: Database,
) {
    make_narrow_table(&database).await;
    let before = Inventory::of(&database).await;

    for command in [
        &["up"][..],
        &["repair"],
        &["up", "--to", "create_vectors"],
        &["up", "-n", "2"],
    ] {
        let limited = [&["--max-rewrite", "1KiB"], command].concat();
        let error = migrate(&database, &limited).expect_error();
        for words in [
            "rewrites vectors, ",
            " bytes, above the limit of 1024",
            "Lock: ",
            "hint: ",
            "--max-rewrite SIZE",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
        assert_eq!(Inventory::of(&database).await, before, "{command:?}");
    }
    let limited = runner().max_rewrite(1024);
    let refused = limited.up(&database.connect().await, None).await;
    let is_refused = matches!(
        &refused,
        Err(Error::Converge(ConvergeError::RewriteTooLarge { table, bytes: 1025.., limit: 1024, done: 0, .. }))
            if table == "vectors"
    );
    assert!(is_refused, "{refused:?}");
    let refused = refused.expect_err("refused").to_string();
    assert!(!refused.contains("--max-rewrite"), "{refused}");
    assert_eq!(Inventory::of(&database).await, before);
    // What comes before the table is created is not blocked.
    migrate(&database, ["--max-rewrite", "1KiB", "up", "-n", "1"]).expect_success();
    assert!(is_applied(&database, "create_documents"));
}

async fn check_and_a_dry_run_show_the_bytes_that_are_rewritten(database: Database) {
    make_narrow_table(&database).await;

    let Finished { stdout, .. } = migrate(&database, ["check", "--json"]);
    let dry = migrate(&database, ["up", "--dry-run"]).expect_success();
    let limited = migrate(&database, ["--max-rewrite", "1KiB", "up", "--dry-run"]).expect_success();

    let check: Value = serde_json::from_str(&stdout).expect("JSON");
    let differences = check["differences"].as_array().expect("a list");
    let steps = differences
        .iter()
        .flat_map(|one| one["steps"].as_array().expect("a list"));
    let bytes: Vec<u64> = steps
        .filter_map(|step| step["rewritten_bytes"].as_u64())
        .collect();
    let bytes = *bytes.iter().max().expect("a step");
    assert!(bytes > 1024, "{check}");
    for shown in [&dry, &limited] {
        assert!(shown.contains(&format!("({bytes} bytes")), "{shown}");
    }
    let refused = "-- up refuses this step: the table is larger than --max-rewrite 1KiB\n";
    assert!(
        limited.contains(refused) && !dry.contains("refuses"),
        "{limited}"
    );
    let report = migration::check(&database.connect().await)
        .await
        .expect("check");
    let is_rewritten = report.differences.iter().any(|one| match &one.remedy {
        RemedyReport::Repair { steps } => steps
            .iter()
            .any(|step| step.rewrites == Rewrites::Bytes(bytes)),
        _ => false,
    });
    assert!(is_rewritten, "{report:?}");
}

async fn a_rewrite_up_to_the_limit_is_made(database: Database) {
    make_narrow_table(&database).await;
    let limited = runner().max_rewrite(1024);
    let refused = limited.up(&database.connect().await, None).await;
    let Err(Error::Converge(ConvergeError::RewriteTooLarge { bytes, .. })) = refused else {
        panic!("{refused:?}");
    };

    migrate(&database, ["--max-rewrite", &bytes.to_string(), "up"]).expect_success();

    migrate(&database, ["check"]).expect_success();
}

async fn no_orphan_is_deleted_before_a_rewrite_that_is_refused(database: Database) {
    make_narrow_table(&database).await;
    database
        .execute(["INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (2, 9, 1, '[]')"])
        .await;
    let before = Inventory::of(&database).await;

    let arguments = [
        "--max-rewrite",
        "1KiB",
        "repair",
        "--delete-orphans",
        "--forget-ids",
    ];
    let error = migrate(&database, arguments).expect_error();

    assert!(error.contains("--max-rewrite"), "{error}");
    assert_eq!(Inventory::of(&database).await, before);
}

async fn a_new_table_is_no_rewrite(database: Database) {
    migrate(&database, ["--max-rewrite", "0", "up"]).expect_success();
    migrate(&database, ["--max-rewrite", "0", "refresh"]).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn an_index_that_is_built_is_no_rewrite(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute(["DROP INDEX ix_vectors_doc_id"]).await;

    migrate(&database, ["--max-rewrite", "0", "repair"]).expect_success();

    migrate(&database, ["check"]).expect_success();
}

async fn a_size_that_cannot_be_read_is_wrong_usage(database: Database) {
    for size in ["much", "-1", "1.5GiB", "10G", "99999999999TiB"] {
        let argument = format!("--max-rewrite={size}");
        let finished = migrate(&database, ["up", &argument]);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains("--max-rewrite"), "{finished:?}");
    }
    assert!(!is_applied(&database, "create_documents"));
}
