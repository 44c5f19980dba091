//! `vectors` on Citus, for each placement of `documents`.

use entity::{Error, Page, documents, prelude::*, vectors};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, EntityTrait, IsolationLevel, PaginatorTrait,
    TransactionTrait, entity::ActiveModelTrait,
};
use url::Url;

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::Database,
    programs::{Finished, all_at_once, migrate, migration, run as run_command},
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
        a_legacy_table_in_a_schema_of_its_own_shard_is_converged,
        a_schema_of_its_own_shard_is_made_fresh,
        whoever_is_connected_to_a_worker_is_named_and_bounded,
        through_a_worker_nothing_is_done,
        what_keeps_a_table_from_being_moved_is_found_beforehand,
        rows_without_a_document_of_a_reference_table_are_deleted,
        the_way_back_that_is_named_works,
        the_compression_reaches_the_shards,
        beside_documents_that_no_key_can_refer_to_nothing_is_made,
        a_script_stops_beside_distributed_documents,
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

/// Requires that what `check` calls as declared works: a document's deletion deletes its rows, and
/// no others.
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
        error.contains("5 rows reference missing documents"),
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

/// Schema-based sharding: Citus keeps every table of the schema on one shard.
async fn on_a_shard_of_its_own(database: &Database) {
    let distribute = format!("SELECT citus_schema_distribute('{}')", database.name);
    database
        .execute(["SELECT undistribute_table('documents')", &distribute])
        .await;
}

async fn a_legacy_table_in_a_schema_of_its_own_shard_is_converged(database: Database) {
    on_a_shard_of_its_own(&database).await;
    let before = legacy(&database).await;

    run(&database, &["up"]).expect_success();

    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
    database.execute(["DROP INDEX ix_vectors_doc_id"]).await;
    run(&database, &["repair"]).expect_success();
    run(&database, &["refresh"]).expect_success();
    holds(&database).await;
}

async fn a_schema_of_its_own_shard_is_made_fresh(database: Database) {
    on_a_shard_of_its_own(&database).await;
    legacy(&database).await;
    let url = Url::parse(&database.url).expect("a URL");
    let mut fresh = migration();
    fresh
        .args(["-u", &database.url, "-s", &database.name])
        .arg("fresh")
        .env("MIGRATION_FRESH_MAY_DROP_ALL_OF", &url.path()[1..]);

    run_command(&mut fresh).expect_success();

    holds(&database).await;
}

/// Returns the URL of the same database on a worker.
async fn on_a_worker(database: &Database) -> String {
    let db = database.connect().await;
    let node = "SELECT format('%s:%s', nodename, nodeport) FROM pg_dist_node WHERE groupid > 0 ORDER BY nodeid";
    let nodes = lines(&db, node).await;
    let (host, port) = nodes[0].split_once(':').expect("a host and a port");
    let mut url = Url::parse(&database.url).expect("a URL");
    url.set_host(Some(host)).expect("a host");
    let port = port.parse().expect("a port");
    url.set_port(Some(port)).expect("a port");
    url.into()
}

async fn whoever_is_connected_to_a_worker_is_named_and_bounded(database: Database) {
    on_a_shard_of_its_own(&database).await;
    let before = legacy(&database).await;
    let worker = sea_orm::Database::connect(on_a_worker(&database).await).await;
    let worker = worker.expect("a worker");
    for isolation in [
        // A session that builds an index waits for a snapshot, one that changes the key for a lock.
        IsolationLevel::RepeatableRead,
        IsolationLevel::ReadCommitted,
    ] {
        let other = worker.begin_with_config(Some(isolation), None).await;
        let other = other.expect("a transaction");
        let read = "SELECT count(*) FROM documents";
        other.execute_unprepared(read).await.expect(read);

        let error = run(&database, &["--lock-wait", "1", "up"]).expect_error();

        assert!(error.contains("in use by pid "), "{error}");
        other.commit().await.expect("it ends");
    }
    run(&database, &["up"]).expect_success();
    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
}

async fn through_a_worker_nothing_is_done(database: Database) {
    let worker = on_a_worker(&database).await;
    for command in [
        &["up"][..],
        &["check"],
        &["status"],
        &["repair"],
        &["down"],
        &["fresh"],
        &["up", "--dry-run"],
        &["down", "--dry-run"],
    ] {
        let mut through = migration();
        through.args(["-u", &worker, "-s", &database.name]);

        let finished = run_command(through.args(command));

        let refused = match command {
            ["check"] => 2,
            _ => 1,
        };
        assert_eq!(finished.code, Some(refused), "{finished:?}");
        let error = finished.stderr;
        assert!(
            error.contains("connect to the coordinator, 127.0.0.1:"),
            "{error}"
        );
        assert!(!error.contains("panicked"), "{error}");
    }
    let worker = sea_orm::Database::connect(worker).await.expect("a worker");
    let made = "SELECT relname::text FROM pg_class WHERE relname = 'seaql_migrations' AND relnamespace = current_schema()::regnamespace";
    assert_eq!(lines(&worker, made).await, [""; 0]);
}

async fn what_keeps_a_table_from_being_moved_is_found_beforehand(database: Database) {
    legacy(&database).await;
    let hindrances = [
        // This comes first, because what can be repaired is, and a column that is NOT NULL then
        // accepts no NULL.
        (
            &["INSERT INTO vectors (page, vector_ids) VALUES (1, '[]')"][..],
            "doc_id may be NULL, and is in 1 row",
            "DELETE FROM vectors WHERE doc_id IS NULL",
        ),
        (
            &[
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
                "CREATE TRIGGER mine BEFORE INSERT ON vectors FOR EACH ROW EXECUTE FUNCTION f()",
            ],
            "trigger mine",
            "DROP TRIGGER mine ON vectors",
        ),
        (
            &[
                "ALTER TABLE vectors ADD COLUMN sum integer",
                "CREATE UNIQUE INDEX alone ON vectors (sum)",
            ],
            "unique index alone",
            "DROP INDEX alone",
        ),
        (
            &[
                "CREATE TABLE users (id integer PRIMARY KEY)",
                "ALTER TABLE vectors ADD COLUMN by integer REFERENCES users (id)",
            ],
            "foreign key vectors_by_fkey to users",
            "ALTER TABLE vectors DROP CONSTRAINT vectors_by_fkey",
        ),
        (
            &["CREATE TABLE notes (vector_id integer REFERENCES vectors (id))"],
            "foreign key notes_vector_id_fkey of notes",
            "DROP TABLE notes",
        ),
        (
            &["ALTER TABLE vectors ADD COLUMN other integer REFERENCES documents (id)"],
            "foreign key vectors_other_fkey to documents",
            "ALTER TABLE vectors DROP CONSTRAINT vectors_other_fkey",
        ),
        (
            &[
                "ALTER TABLE vectors ADD CONSTRAINT mine FOREIGN KEY (doc_id) REFERENCES documents (id) ON UPDATE CASCADE",
            ],
            "foreign key mine, which changes doc_id",
            "ALTER TABLE vectors DROP CONSTRAINT mine",
        ),
    ];
    let db = database.connect().await;
    let key = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'vectors'::regclass AND contype = 'p'";
    for (make, named, drop) in hindrances {
        database.execute(make).await;

        let error = run(&database, &["up"]).expect_error();
        let repaired = run(&database, &["repair"]);

        assert!(error.contains(named), "{error}");
        assert_eq!(repaired.code, Some(1), "{repaired:?}");
        assert_eq!(lines(&db, key).await, ["PRIMARY KEY (id)"], "{named}");
        database.execute([drop]).await;
    }
    let before = Inventory::of(&database).await;
    run(&database, &["up"]).expect_success();
    before.assert_kept_in(&Inventory::of(&database).await);
    holds(&database).await;
}

async fn rows_without_a_document_of_a_reference_table_are_deleted(database: Database) {
    reference(&database).await;
    legacy(&database).await;
    database
        .execute([
            "ALTER TABLE vectors DROP CONSTRAINT vectors_doc_id_fkey",
            "DELETE FROM documents WHERE id = 7",
        ])
        .await;

    run(&database, &["repair", "--delete-orphans", "--forget-ids"]).expect_success();

    holds(&database).await;
    assert_eq!(rows(&database).await, 95);
}

async fn the_way_back_that_is_named_works(database: Database) {
    let reference = "SELECT create_reference_table('documents')";
    let distributed = "SELECT create_distributed_table('documents', 'id')";
    let by = |column: &str| format!("SELECT create_distributed_table('vectors', '{column}')");
    let referring =
        "ALTER TABLE vectors ADD CONSTRAINT mine FOREIGN KEY (doc_id) REFERENCES documents (id)";
    let everywhere = "SELECT create_reference_table('vectors')".to_owned();
    for (documents, key, vectors, foreign_key) in [
        (distributed, "page, id", by("page"), "SELECT 1"),
        (distributed, "id", by("id"), "SELECT 1"),
        (distributed, "id", everywhere, "SELECT 1"),
        (reference, "doc_id, id", by("doc_id"), referring),
        ("SELECT 1", "doc_id, id", by("doc_id"), "SELECT 1"),
    ] {
        database
            .execute([
                "DROP TABLE IF EXISTS vectors, seaql_migrations",
                "DROP TABLE documents",
                "CREATE TABLE documents (id serial PRIMARY KEY)",
                documents,
                "INSERT INTO documents VALUES (1), (2)",
                &format!("CREATE TABLE vectors (id serial, doc_id integer, page integer, vector_ids text, PRIMARY KEY ({key}))"),
                &vectors,
                foreign_key,
                "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[]'), (2, 1, '[]')",
            ])
            .await;
        let before = Inventory::of(&database).await;

        let check = run(&database, &["check"]);
        let placement = check
            .stdout
            .lines()
            .find(|line| line.starts_with("placement: "));
        let (_, steps) = placement
            .and_then(|line| line.split_once("in this order, then repair: "))
            .unwrap_or_else(|| panic!("{check:?}"));
        database.execute(steps.split("; ")).await;
        run(&database, &["repair"]).expect_success();

        // The steps drop the foreign key by its name.
        before.assert_rows_kept_in(&Inventory::of(&database).await);
        run(&database, &["up"]).expect_success();
        holds(&database).await;
    }
}

async fn the_compression_reaches_the_shards(database: Database) {
    run(&database, &["up"]).expect_success();
    let db = database.connect().await;
    let shards = "SELECT DISTINCT result FROM run_command_on_shards('vectors', \
                  $$SELECT attcompression FROM pg_attribute WHERE attrelid = '%s'::regclass AND attname = 'vector_ids'$$)";
    assert_eq!(lines(&db, shards).await, ["l"]);

    run(&database, &["down", "-n", "1"]).expect_success();
    assert_eq!(lines(&db, shards).await, [""]);

    run(&database, &["up"]).expect_success();
    assert_eq!(lines(&db, shards).await, ["l"]);
    holds(&database).await;
}

async fn beside_documents_that_no_key_can_refer_to_nothing_is_made(database: Database) {
    let by_range = [
        "SELECT create_distributed_table('documents', 'id', 'range')",
        "SELECT 1",
    ];
    let in_copies = [
        "SET citus.shard_replication_factor = 2",
        "SELECT create_distributed_table('documents', 'id')",
    ];
    for (distribute, named) in [
        (by_range, "distributed by ranges of id"),
        (in_copies, "distributed by id in several copies"),
    ] {
        let back = "SELECT undistribute_table('documents')";
        database.execute([back].into_iter().chain(distribute)).await;

        let error = run(&database, &["up"]).expect_error();

        assert!(error.contains(named), "{error}");
        let db = database.connect().await;
        let made = "SELECT 'made' WHERE to_regclass('vectors') IS NOT NULL";
        assert_eq!(lines(&db, made).await, [""; 0]);
    }
}

async fn a_script_stops_beside_distributed_documents(database: Database) {
    let script = ["sql", "--backend", "postgres", "-s", &database.name];
    let script = run_command(migration().args(script)).expect_success();
    let db = database.connect_once().await;

    let stopped = db.execute_unprepared(&script).await.expect_err("it stops");

    assert!(
        stopped.to_string().contains("Citus distributes documents"),
        "{stopped}"
    );
    let db = database.connect().await;
    let made = "SELECT 'made' WHERE to_regclass('vectors') IS NOT NULL";
    assert_eq!(lines(&db, made).await, [""; 0]);
}
