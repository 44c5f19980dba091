//! `vectors` where Citus keeps `documents`, whichever way that is.

use entity::{Error, Page, documents, prelude::*, vectors};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, EntityTrait, PaginatorTrait, TransactionTrait,
    entity::ActiveModelTrait,
};

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::Database,
    programs::{Finished, all_at_once, migrate, migration},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_new_table_is_made_beside_distributed_documents,
        a_local_table_is_moved_beside_distributed_documents,
        rows_without_a_document_keep_the_table_from_being_moved,
        beside_a_reference_table_the_table_stays_as_declared,
        a_local_table_is_tied_to_a_reference_table,
        beside_local_documents_the_table_stays_as_declared,
        the_table_is_moved_to_the_shard_of_its_documents,
        a_table_that_is_distributed_otherwise_is_refused,
        what_is_damaged_is_repaired,
        whoever_uses_documents_is_named_and_not_held_up,
        many_processes_move_the_table_once,
        pages_of_distributed_documents_are_recorded_replaced_and_deleted,
    ]
}

fn run(database: &Database, arguments: &[&str]) -> Finished {
    migrate(database, ["-s", &database.name].iter().chain(arguments))
}

const LEGACY: &str = "CREATE TABLE vectors (
    id serial PRIMARY KEY, doc_id integer REFERENCES documents (id), page integer, vector_ids varchar)";

async fn document(database: &Database, id: i32) {
    let db = database.connect().await;
    let document = documents::ActiveModel { id: Set(id) };
    document.insert(&db).await.expect("a document");
}

async fn rows(database: &Database) -> u64 {
    let db = database.connect().await;
    Vectors::find().count(&db).await.expect("the rows")
}

/// What `check` calls as declared is: a document takes its rows along, and no others.
async fn holds(database: &Database) {
    run(database, &["check"]).expect_success();
    let db = database.connect().await;
    for id in [1001, 1002, 1003, 1004] {
        document(database, id).await;
        let row = vectors::ActiveModel {
            doc_id: Set(id),
            page: Set(1),
            vector_ids: Set(VectorIds::from_iter(["a"])),
            ..Default::default()
        };
        row.insert(&db).await.expect("a row");
    }
    let before = rows(database).await;
    Documents::delete_by_id(1002)
        .exec(&db)
        .await
        .expect("a delete");
    assert_eq!(rows(database).await, before - 1);
    let stray = "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (99999, 1, '[]')";
    db.execute_unprepared(stray)
        .await
        .expect_err("no such document");
    let alone = "DELETE FROM documents WHERE id > 1000";
    db.execute_unprepared(alone).await.expect("a delete");
    assert_eq!(rows(database).await, before - 4);
}

async fn legacy(database: &Database) -> Inventory {
    for id in 1..=20 {
        document(database, id).await;
    }
    database
        .execute([
            LEGACY,
            "INSERT INTO vectors (doc_id, page, vector_ids)
             SELECT 1 + n % 20, n, '[]' FROM generate_series(1, 100) n",
        ])
        .await;
    Inventory::of(database).await
}

async fn a_new_table_is_made_beside_distributed_documents(database: Database) {
    run(&database, &["up"]).expect_success();

    holds(&database).await;
    run(&database, &["up"]).expect_success();
    run(&database, &["refresh"]).expect_success();
    holds(&database).await;
    run(&database, &["down", "-n", "2"]).expect_success();
    assert_eq!(run(&database, &["check"]).code, Some(1));
}

async fn a_local_table_is_moved_beside_distributed_documents(database: Database) {
    let before = legacy(&database).await;
    let check = run(&database, &["check"]);
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(
        check
            .stdout
            .contains("vectors is local, documents is distributed by id"),
        "{check:?}"
    );

    run(&database, &["up"]).expect_success();

    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
}

async fn rows_without_a_document_keep_the_table_from_being_moved(database: Database) {
    let before = legacy(&database).await;
    database
        .execute(["DELETE FROM documents WHERE id = 7"])
        .await;

    let error = run(&database, &["up"]).expect_error();

    assert!(
        error.contains("the document of 5 rows does not exist"),
        "{error}"
    );
    before.assert_kept_in(&Inventory::of(&database).await);
    let db = database.connect().await;
    let moved = "SELECT logicalrelid::text FROM pg_dist_partition WHERE logicalrelid = to_regclass('vectors')";
    assert_eq!(lines(&db, moved).await, [""; 0]);
    let repaired = run(&database, &["repair", "--delete-orphans", "--forget-ids"]).expect_success();
    assert!(repaired.contains('5'), "{repaired}");
    holds(&database).await;
    assert_eq!(rows(&database).await, 95);
}

async fn reference(database: &Database) {
    database
        .execute([
            "DROP TABLE documents",
            "CREATE TABLE documents (id serial PRIMARY KEY)",
            "SELECT create_reference_table('documents')",
        ])
        .await;
}

async fn beside_a_reference_table_the_table_stays_as_declared(database: Database) {
    reference(&database).await;

    run(&database, &["up"]).expect_success();

    holds(&database).await;
    run(&database, &["refresh"]).expect_success();
    holds(&database).await;
}

async fn a_local_table_is_tied_to_a_reference_table(database: Database) {
    reference(&database).await;
    let before = legacy(&database).await;

    run(&database, &["up"]).expect_success();

    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
}

async fn beside_local_documents_the_table_stays_as_declared(database: Database) {
    database
        .execute(["SELECT undistribute_table('documents')"])
        .await;
    let before = legacy(&database).await;

    run(&database, &["up"]).expect_success();

    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
    let report = run(&database, &["check"]).expect_success();
    assert!(!report.contains("placement"), "{report}");
}

async fn the_table_is_moved_to_the_shard_of_its_documents(database: Database) {
    database
        .execute([
            "SELECT undistribute_table('documents')",
            "SELECT create_distributed_table('documents', NULL)",
        ])
        .await;
    let before = legacy(&database).await;

    run(&database, &["up"]).expect_success();

    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
    run(&database, &["refresh"]).expect_success();
    holds(&database).await;
}

async fn a_table_that_is_distributed_otherwise_is_refused(database: Database) {
    database
        .execute([
            "CREATE TABLE vectors (id serial PRIMARY KEY, doc_id integer NOT NULL, page integer NOT NULL, vector_ids text NOT NULL)",
            "SELECT create_distributed_table('vectors', 'id')",
        ])
        .await;
    let before = Inventory::of(&database).await;

    let error = run(&database, &["up"]).expect_error();

    assert!(error.contains("vectors is distributed by id"), "{error}");
    assert!(error.contains("undistribute_table"), "{error}");
    before.assert_kept_in(&Inventory::of(&database).await);
    database
        .execute(["SELECT undistribute_table('vectors')"])
        .await;
    run(&database, &["up"]).expect_success();
    holds(&database).await;
}

async fn what_is_damaged_is_repaired(database: Database) {
    run(&database, &["up"]).expect_success();
    document(&database, 5).await;
    database
        .execute([
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (5, 1, '[]')",
            "ALTER TABLE vectors DROP CONSTRAINT vectors_doc_id_fkey",
            "ALTER TABLE vectors ADD CONSTRAINT mine FOREIGN KEY (doc_id) REFERENCES documents (id)",
            "DROP INDEX ix_vectors_doc_id",
            "CREATE INDEX ix_vectors_doc_id ON vectors (page)",
            "ALTER TABLE vectors ALTER COLUMN page DROP NOT NULL",
            "ALTER TABLE vectors ALTER COLUMN vector_ids TYPE varchar(4000)",
            "SELECT setval('vectors_id_seq', 1, false)",
        ])
        .await;
    let before = Inventory::of(&database).await;

    run(&database, &["repair"]).expect_success();

    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
}

async fn many_processes_move_the_table_once(database: Database) {
    let before = legacy(&database).await;
    let up = || {
        let mut up = migration();
        up.args(["-u", &database.url, "-s", &database.name, "up"]);
        up
    };

    let finished = all_at_once(std::iter::repeat_with(up).take(8));

    for one in finished {
        one.expect_success();
    }
    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
}

async fn whoever_uses_documents_is_named_and_not_held_up(database: Database) {
    let before = legacy(&database).await;
    let db = database.connect().await;
    let other = db.begin().await.expect("a transaction");
    let write = "INSERT INTO documents (id) VALUES (500)";
    other.execute_unprepared(write).await.expect(write);

    let error = run(&database, &["--lock-wait", "0", "up"]).expect_error();

    assert!(error.contains("pid "), "{error}");
    other
        .execute_unprepared("INSERT INTO documents (id) VALUES (501)")
        .await
        .expect("it goes on");
    other.commit().await.expect("it ends");
    run(&database, &["up"]).expect_success();
    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
}

async fn pages_of_distributed_documents_are_recorded_replaced_and_deleted(database: Database) {
    run(&database, &["up"]).expect_success();
    let db = database.connect().await;
    let ids = |ids: &[&str]| ids.iter().copied().collect::<VectorIds>();
    for doc_id in 2001..2009 {
        document(&database, doc_id).await;
        let pages = [Page::new(2, ["c"]), Page::new(1, ["a", "b"])];
        Vectors::record_pages(&db, doc_id, pages).await.unwrap();
    }
    let unknown = Vectors::record_pages(&db, 2009, [Page::new(1, ["x"])]).await;
    assert_eq!(unknown, Err(Error::UnknownDocument { doc_id: 2009 }));

    let read = Vectors::ids_of_page(&db, 2001, 1).await;
    assert_eq!(read, Ok(ids(&["a", "b"])));
    assert_eq!(Vectors::count_pages(&db, 2001).await, Ok(2));
    let read = Vectors::pages_of_documents(&db, 2001..2010).await.unwrap();
    assert_eq!(read.len(), 8);
    assert!(read.values().all(|pages| pages.len() == 2));
    let unused = Vectors::replace_page(&db, 2001, Page::new(1, ["b", "d"])).await;
    assert_eq!(unused, Ok(ids(&["a"])));
    let deleted = Vectors::delete_page(&db, 2001, 2).await;
    assert_eq!(deleted, Ok(ids(&["c"])));
    let deleted = Vectors::delete_documents(&db, [2003, 2001, 2002]).await;
    assert_eq!(deleted, Ok(ids(&["b", "d", "a", "b", "c", "a", "b", "c"])));
    let left = Vectors::pages_of_documents(&db, 2001..2010).await.unwrap();
    assert_eq!(left.len(), 5);
}
