//! `check` while a migrator is running.

use migration::AtWork;
use sea_orm::{ConnectionTrait, DbBackend, TransactionTrait};
use serde_json::{Value, json};

use super::{Test, waiting::HeldUp};
use crate::{
    engines::{Database, Engine, galera},
    programs::{Finished, end_of, migrate, runner},
};

pub fn tests(engine: Engine) -> Vec<Test> {
    match engine.backend {
        DbBackend::Sqlite => tests![a_file_shows_nobody_who_writes_it],
        DbBackend::MySql if engine.name == galera::NAME => {
            tests![a_cluster_names_the_migrator_of_the_same_node]
        }
        DbBackend::Postgres => tests![
            check_names_the_migrator_and_waits_for_none,
            a_transaction_is_not_shown_its_own_lock,
        ],
        _ => tests![check_names_the_migrator_and_waits_for_none],
    }
}

fn check(database: &Database) -> (Option<i32>, Value) {
    let Finished { code, stdout, .. } = migrate(database, ["check", "--json"]);
    (code, serde_json::from_str(&stdout).expect("JSON"))
}

fn is_time(since: &Value) -> bool {
    let since = since.as_str().unwrap_or_default();
    since.len() == "2026-11-23T12:00:00Z".len() && since.starts_with("20") && since.ends_with('Z')
}

const NOBODY: fn() -> Value = || json!({ "at_work": false, "who": null, "since": null });

async fn check_names_the_migrator_and_waits_for_none(database: Database) {
    let HeldUp { reader, migrator } = HeldUp::of(&database).await;
    let who = match database.backend() {
        DbBackend::Postgres => "pid ",
        _ => "connection ",
    };

    let (code, report) = check(&database);
    let shown = migrate(&database, ["check"]);

    assert_eq!(code, Some(1), "{report}");
    let found = &report["migrator"];
    assert_eq!(found["at_work"], true, "{report}");
    assert!(
        found["who"]
            .as_str()
            .is_some_and(|found| found.starts_with(who)),
        "{report}"
    );
    assert!(is_time(&found["since"]), "{report}");
    assert_eq!(shown.code, Some(1), "{shown:?}");
    let sentence = "a migrator is at work since 20";
    assert!(
        shown.stdout.contains(sentence) && shown.stdout.contains(who),
        "{shown:?}"
    );
    let status = migrate(&database, ["status"]).expect_success();
    assert!(
        status.contains(sentence) && status.contains(who),
        "{status}"
    );
    let called = runner()
        .check(&database.connect().await)
        .await
        .expect("check");
    assert!(matches!(called.at_work, AtWork::Yes(_)), "{called:?}");

    reader.rollback().await.expect("it ends");
    end_of(migrator).expect_success();
    let (code, report) = check(&database);
    assert_eq!(
        (code, &report["migrator"]),
        (Some(0), &NOBODY()),
        "{report}"
    );
    let shown = migrate(&database, ["check"]).expect_success();
    assert!(!shown.contains("at work"), "{shown}");
}

async fn a_transaction_is_not_shown_its_own_lock(database: Database) {
    let db = database.connect().await;
    let callers = db.begin().await.expect("it begins");
    runner().up(&callers, None).await.expect("up");

    let own = runner().check(&callers).await.expect("check");
    let (_, others) = check(&database);

    assert_eq!(own.at_work, AtWork::No);
    assert_eq!(others["migrator"]["at_work"], true, "{others}");
    callers.rollback().await.expect("it ends");
    let (_, report) = check(&database);
    assert_eq!(report["migrator"], NOBODY());
}

async fn a_cluster_names_the_migrator_of_the_same_node(database: Database) {
    let db = database.connect_once().await;
    let lock = "SELECT GET_LOCK(concat('colpali vectors ', crc32(database())), 0)";
    db.execute_unprepared(lock).await.expect(lock);

    let (_, report) = check(&database);

    assert_eq!(report["migrator"]["at_work"], true, "{report}");
    assert!(is_time(&report["migrator"]["since"]), "{report}");
    db.close().await.expect("it closes");
}

/// SQLite's readers see the state before the writer's transaction, and do not wait.
async fn a_file_shows_nobody_who_writes_it(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let db = database.connect_once().await;
    let write = "BEGIN IMMEDIATE; DROP INDEX ix_vectors_doc_id";
    db.execute_unprepared(write).await.expect(write);

    let (code, report) = check(&database);

    assert_eq!(code, Some(0), "{report}");
    assert_eq!(
        report["migrator"],
        json!({ "at_work": null, "who": null, "since": null })
    );
    db.execute_unprepared("ROLLBACK").await.expect("it ends");
}
