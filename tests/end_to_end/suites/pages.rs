//! Operations of a service on the pages of its documents.

use std::collections::BTreeMap;

use entity::{Error, Page, VectorId, VectorIds, documents, prelude::*, vectors};
use futures_util::{StreamExt, TryStreamExt};
use sea_orm::{
    ActiveValue::NotSet,
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryOrder, TransactionTrait,
    entity::*,
    rbac::{RbacContext, RbacUserId, schema::create_tables},
};
use sea_orm_migration::SchemaManager;

use super::{Test, shape::lines};
use crate::{conditions::until, engines::Database, programs::runner};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        recorded_pages_are_read_back,
        rows_of_one_page_are_one_page,
        pages_of_many_documents_are_read_at_once,
        a_document_that_is_named_twice_has_its_pages_once,
        any_number_of_pages_is_recorded,
        a_replaced_page_returns_what_it_has_no_longer,
        a_replaced_row_keeps_what_the_application_has_in_it,
        a_replaced_document_returns_what_it_has_no_longer,
        pages_and_documents_are_deleted_and_return_their_ids,
        all_pages_of_a_document_go_and_it_stays,
        a_document_that_another_table_refers_to_stays_with_its_pages,
        every_id_is_streamed_and_so_is_every_document_without_pages,
        a_data_migration_reads_pages,
        bad_input_is_named_and_changes_nothing,
        what_cannot_be_read_is_not_deleted,
        a_callers_transaction_takes_everything_back,
        a_callers_transaction_goes_on_where_pages_are_refused,
        a_restricted_connection_does_what_its_user_may,
        a_call_that_the_database_ends_changes_nothing_and_the_next_one_works,
    ];
    if backend == DbBackend::MySql {
        tests.extend(tests![a_page_may_be_larger_than_a_statement]);
    }
    tests
}

pub(super) async fn migrated(database: &Database) -> DatabaseConnection {
    let db = database.connect().await;
    runner().up(&db, None).await.expect("up");
    db
}

pub(super) async fn document(db: &impl ConnectionTrait) -> i32 {
    documents::ActiveModel { id: NotSet }
        .insert(db)
        .await
        .expect("a document")
        .id
}

async fn document_of_a_page(db: &DatabaseConnection) -> (i32, [Page; 1]) {
    let doc_id = document(db).await;
    let pages = [page(1, &["a"])];
    Vectors::record_pages(db, doc_id, pages.clone())
        .await
        .expect("they are recorded");
    (doc_id, pages)
}

pub(super) fn page(number: i32, ids: &[&str]) -> Page {
    Page::new(number, ids.iter().copied())
}

pub(super) fn ids(ids: &[&str]) -> VectorIds {
    ids.iter().copied().collect()
}

pub(super) async fn rows(db: &DatabaseConnection) -> Vec<vectors::Model> {
    Vectors::find()
        .order_by_asc(vectors::Column::Id)
        .all(db)
        .await
        .expect("the rows")
}

async fn recorded_pages_are_read_back(database: Database) {
    let db = migrated(&database).await;
    let (doc_id, other) = (document(&db).await, document(&db).await);
    let pages = [page(2, &["c"]), page(1, &["b", "a"]), page(7, &["d"])];

    let recorded = Vectors::record_pages(&db, doc_id, pages).await.unwrap();
    Vectors::record_pages(&db, other, [page(1, &["x"])])
        .await
        .unwrap();

    assert_eq!(recorded, 3);
    assert_eq!(Vectors::count_pages(&db, doc_id).await, Ok(3));
    assert_eq!(
        Vectors::ids_of_page(&db, doc_id, 1).await,
        Ok(ids(&["b", "a"]))
    );
    assert_eq!(Vectors::ids_of_page(&db, doc_id, 3).await, Ok(ids(&[])));
    let expected = [page(1, &["b", "a"]), page(2, &["c"]), page(7, &["d"])];
    let read = Vectors::pages_of_document(&db, doc_id).await.unwrap();
    assert_eq!(read, expected);
    let stream = Vectors::stream_pages_of_document(&db, doc_id)
        .await
        .unwrap();
    assert_eq!(stream.try_collect::<Vec<Page>>().await.unwrap(), expected);

    let empty = document(&db).await;
    assert_eq!(Vectors::count_pages(&db, empty).await, Ok(0));
    assert_eq!(Vectors::pages_of_document(&db, empty).await, Ok(Vec::new()));
    let stream = Vectors::stream_pages_of_document(&db, empty).await.unwrap();
    assert_eq!(stream.try_collect::<Vec<Page>>().await.unwrap(), []);
}

async fn rows_of_one_page_are_one_page(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    for ids in [["a", "b"], ["c", "d"]] {
        let pages = [page(1, &ids), page(2, &ids)];
        Vectors::record_pages(&db, doc_id, pages).await.unwrap();
    }

    let whole = ["a", "b", "c", "d"];
    let expected = [page(1, &whole), page(2, &whole)];
    assert_eq!(Vectors::count_pages(&db, doc_id).await, Ok(2));
    assert_eq!(Vectors::ids_of_page(&db, doc_id, 2).await, Ok(ids(&whole)));
    let read = Vectors::pages_of_document(&db, doc_id).await.unwrap();
    assert_eq!(read, expected);
    let stream = Vectors::stream_pages_of_document(&db, doc_id)
        .await
        .unwrap();
    assert_eq!(stream.try_collect::<Vec<Page>>().await.unwrap(), expected);
}

async fn pages_of_many_documents_are_read_at_once(database: Database) {
    let db = migrated(&database).await;
    let (first, empty, last) = (
        document(&db).await,
        document(&db).await,
        document(&db).await,
    );
    for doc_id in [first, last] {
        let pages = [page(1, &["a"]), page(2, &["b"]), page(1, &["c"])];
        Vectors::record_pages(&db, doc_id, pages).await.unwrap();
    }

    let read = Vectors::pages_of_documents(&db, [last, first, empty, last + 1, first])
        .await
        .unwrap();

    let pages = vec![page(1, &["a", "c"]), page(2, &["b"])];
    let expected = [(first, pages.clone()), (empty, Vec::new()), (last, pages)];
    assert_eq!(read, BTreeMap::from(expected));
}

async fn a_document_that_is_named_twice_has_its_pages_once(database: Database) {
    let db = migrated(&database).await;
    let (doc_id, pages) = document_of_a_page(&db).await;
    let named = (doc_id..doc_id + 25_000).chain([doc_id]);

    let read = Vectors::pages_of_documents(&db, named).await;
    let deleted = Vectors::delete_documents(&db, [doc_id, doc_id]).await;

    assert_eq!(read, Ok(BTreeMap::from([(doc_id, pages.to_vec())])));
    assert_eq!(deleted, Ok(ids(&["a"])));
}

async fn any_number_of_pages_is_recorded(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    let short = (0..12_000).map(|number| Page::new(number, [u64::from(number.unsigned_abs())]));
    let long = (12_000..12_100).map(|number| Page::new(number, many(number, 1_030)));
    let huge = (12_100..12_103).map(|number| Page::new(number, many(number, 25_000)));
    let pages: Vec<Page> = short.chain(long).chain(huge).collect();

    let recorded = Vectors::record_pages(&db, doc_id, pages.clone())
        .await
        .unwrap();

    assert_eq!(recorded, 12_103);
    let stream = Vectors::stream_pages_of_document(&db, doc_id)
        .await
        .unwrap();
    let read: Vec<Page> = stream.try_collect().await.unwrap();
    assert!(read == pages, "the pages differ");
}

fn many(page: i32, count: u128) -> impl Iterator<Item = VectorId> {
    let page = u128::from(page.unsigned_abs());
    (0..count).map(move |number| format!("{:032x}", page << 64 | number).into())
}

async fn a_replaced_page_returns_what_it_has_no_longer(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    let pages = [page(1, &["a", "b"]), page(2, &["x"]), page(1, &["c"])];
    Vectors::record_pages(&db, doc_id, pages).await.unwrap();

    let unused = Vectors::replace_page(&db, doc_id, page(1, &["b", "d"]))
        .await
        .unwrap();

    assert_eq!(unused, ids(&["a", "c"]));
    let expected = [page(1, &["b", "d"]), page(2, &["x"])];
    let read = Vectors::pages_of_document(&db, doc_id).await.unwrap();
    assert_eq!(read, expected);
    let unused = Vectors::replace_page(&db, doc_id, page(3, &["e"])).await;
    assert_eq!(unused, Ok(ids(&[])));
    assert_eq!(rows(&db).await.len(), 3);
}

async fn a_replaced_row_keeps_what_the_application_has_in_it(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    Vectors::record_pages(&db, doc_id, [page(1, &["a"])])
        .await
        .unwrap();
    database
        .execute([
            "ALTER TABLE vectors ADD COLUMN model varchar(20)",
            "UPDATE vectors SET model = 'v1'",
        ])
        .await;

    Vectors::replace_page(&db, doc_id, page(1, &["b"]))
        .await
        .unwrap();

    assert_eq!(lines(&db, "SELECT model FROM vectors").await, ["v1"]);
}

async fn a_replaced_document_returns_what_it_has_no_longer(database: Database) {
    let db = migrated(&database).await;
    let (doc_id, other) = (document(&db).await, document(&db).await);
    let pages = [
        page(1, &["stays"]),
        page(2, &["a", "moves"]),
        page(3, &["b"]),
        page(2, &["c"]),
    ];
    Vectors::record_pages(&db, doc_id, pages).await.unwrap();
    let beside = [page(3, &["b", "x"])];
    Vectors::record_pages(&db, other, beside.clone())
        .await
        .unwrap();
    let first_rows: Vec<i32> = rows(&db).await.iter().map(|row| row.id).take(2).collect();

    let new = [
        page(4, &["moves"]),
        page(2, &["d"]),
        page(1, &["stays"]),
        page(4, &["e"]),
    ];
    let unused = Vectors::replace_document(&db, doc_id, new).await;

    assert_eq!(unused, Ok(ids(&["a", "c", "b"])));
    let expected = [
        page(1, &["stays"]),
        page(2, &["d"]),
        page(4, &["moves", "e"]),
    ];
    let read = Vectors::pages_of_document(&db, doc_id).await.unwrap();
    assert_eq!(read, expected);
    let kept: Vec<i32> = rows(&db).await.iter().map(|row| row.id).take(2).collect();
    assert_eq!(kept, first_rows);
    let unused = Vectors::replace_document(&db, doc_id, expected).await;
    assert_eq!(unused, Ok(ids(&[])));
    let read = Vectors::pages_of_document(&db, other).await.unwrap();
    assert_eq!(read, beside);

    let many = (0..2_500).map(|number| page(number, &["m"]));
    let unused = Vectors::replace_document(&db, doc_id, many).await;
    assert_eq!(unused, Ok(ids(&["stays", "d", "moves", "e"])));
    let unused = Vectors::replace_document(&db, doc_id, [page(1, &["n"])]).await;
    assert_eq!(unused.map(|unused| unused.len()), Ok(2_500));
    let read = Vectors::pages_of_document(&db, doc_id).await;
    assert_eq!(read, Ok(vec![page(1, &["n"])]));
}

async fn all_pages_of_a_document_go_and_it_stays(database: Database) {
    let db = migrated(&database).await;
    let (doc_id, other) = (document(&db).await, document(&db).await);
    let pages = [page(2, &["c"]), page(1, &["a", "b"]), page(2, &["d"])];
    Vectors::record_pages(&db, doc_id, pages).await.unwrap();
    Vectors::record_pages(&db, other, [page(1, &["x"])])
        .await
        .unwrap();

    let deleted = Vectors::delete_pages_of_document(&db, doc_id).await;
    let again = Vectors::delete_pages_of_document(&db, doc_id).await;

    assert_eq!(deleted, Ok(ids(&["a", "b", "c", "d"])));
    assert_eq!(again, Ok(ids(&[])));
    assert_eq!(Vectors::count_pages(&db, doc_id).await, Ok(0));
    assert_eq!(Vectors::count_pages(&db, other).await, Ok(1));
}

/// Whatever the key does instead of a cascade, and whether it is checked at once or at COMMIT.
async fn a_document_that_another_table_refers_to_stays_with_its_pages(database: Database) {
    let db = migrated(&database).await;
    let (doc_id, pages) = document_of_a_page(&db).await;
    let keys: &[&str] = match database.backend() {
        DbBackend::MySql => &["", "ON DELETE RESTRICT"],
        // The other nodes check a deferred key in their own COMMIT, and this node knows only that
        // it failed.
        _ if database.is_citus() => &["", "ON DELETE RESTRICT"],
        _ => &["", "ON DELETE RESTRICT", "DEFERRABLE INITIALLY DEFERRED"],
    };
    for key in keys {
        let key_of_tags =
            format!("CONSTRAINT fk_tagged FOREIGN KEY (doc_id) REFERENCES documents (id) {key}");
        let make = match database.is_citus() {
            // There, a key of a local table blocks nothing.
            true => vec![
                "CREATE TABLE tags (doc_id integer NOT NULL)".to_owned(),
                "SELECT create_distributed_table('tags', 'doc_id', colocate_with => 'documents')"
                    .to_owned(),
                format!("ALTER TABLE tags ADD {key_of_tags}"),
            ],
            false => vec![format!(
                "CREATE TABLE tags (doc_id integer NOT NULL, {key_of_tags})"
            )],
        };
        let tag = format!("INSERT INTO tags (doc_id) VALUES ({doc_id})");
        database.execute(make.into_iter().chain([tag])).await;

        let one = Vectors::delete_document(&db, doc_id).await;
        let several = Vectors::delete_documents(&db, [doc_id]).await;
        let transaction = db.begin().await.unwrap();
        let in_transaction = Vectors::delete_document(&transaction, doc_id).await;
        let is_deferred = key.contains("DEFERRED");
        if !is_deferred {
            assert_eq!(in_transaction, one);
            let left = Vectors::pages_of_document(&transaction, doc_id).await;
            assert_eq!(left, Ok(pages.to_vec()), "{key}");
        }
        transaction.rollback().await.unwrap();

        for outcome in [one, several] {
            let error = outcome.unwrap_err();
            let Error::StillReferenced(referrer) = &error else {
                panic!("{key}: {error:?}");
            };
            let is_sqlite = database.backend() == DbBackend::Sqlite;
            let constraint = (!is_sqlite).then_some("fk_tagged");
            assert_eq!(referrer.constraint.as_deref(), constraint, "{key}");
            let table = (!(is_sqlite && is_deferred)).then_some("tags");
            assert_eq!(referrer.table.as_deref(), table, "{key}");
        }
        let left = Vectors::pages_of_document(&db, doc_id).await;
        assert_eq!(left, Ok(pages.to_vec()), "{key}");
        database.execute(["DROP TABLE tags"]).await;
    }
    let deleted = Vectors::delete_document(&db, doc_id).await;
    assert_eq!(deleted, Ok(ids(&["a"])));
}

async fn every_id_is_streamed_and_so_is_every_document_without_pages(database: Database) {
    let db = migrated(&database).await;
    let (first, empty, second) = (
        document(&db).await,
        document(&db).await,
        document(&db).await,
    );
    let pages = [page(1, &["a", "b"]), page(2, &["c"])];
    Vectors::record_pages(&db, first, pages).await.unwrap();
    let damaged =
        format!("INSERT INTO vectors (doc_id, page, vector_ids) VALUES ({first}, 3, '[')");
    database.execute([damaged]).await;
    Vectors::record_pages(&db, second, [page(1, &["a"])])
        .await
        .unwrap();

    let stream = Vectors::stream_ids(&db).await.unwrap();
    let (read, damaged): (Vec<_>, Vec<_>) = stream
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .partition(Result::is_ok);
    let mut read: Vec<_> = read.into_iter().map(Result::unwrap).collect();
    read.sort();
    let without = Vectors::documents_without_pages(&db).await.unwrap();
    let without: Vec<i32> = without.try_collect().await.unwrap();

    let expected = [
        (first, 1, "a".into()),
        (first, 1, "b".into()),
        (first, 2, "c".into()),
        (second, 1, "a".into()),
    ];
    assert_eq!(read, expected);
    let [Err(Error::Unreadable { doc_id, row: 3, .. })] = damaged[..] else {
        panic!("{damaged:?}");
    };
    assert_eq!(doc_id, first);
    assert_eq!(without, [empty]);
}

/// With the connection that a migration gets, within its transaction and without.
async fn a_data_migration_reads_pages(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    Vectors::record_pages(&db, doc_id, [page(1, &["a"])])
        .await
        .unwrap();
    read_by_a_migration(SchemaManager::new(&db), doc_id).await;
    let transaction = db.begin().await.unwrap();
    read_by_a_migration(SchemaManager::new(&transaction), doc_id).await;
}

async fn read_by_a_migration(manager: SchemaManager<'_>, doc_id: i32) {
    let given = manager.get_connection();
    let read = Vectors::ids_of_page(given, doc_id, 1).await;
    assert_eq!(read, Ok(ids(&["a"])));
    let read = Vectors::pages_of_document(given, doc_id).await;
    assert_eq!(read, Ok(vec![page(1, &["a"])]));
    let read = Vectors::pages_of_documents(given, [doc_id]).await;
    assert_eq!(read.map(|read| read.len()), Ok(1));
}

async fn pages_and_documents_are_deleted_and_return_their_ids(database: Database) {
    let db = migrated(&database).await;
    let mut documents = Vec::new();
    for _ in 0..4 {
        let doc_id = document(&db).await;
        let pages = [page(2, &["c"]), page(1, &["a", "b"]), page(2, &["d"])];
        Vectors::record_pages(&db, doc_id, pages).await.unwrap();
        documents.push(doc_id);
    }
    let [first, second, third, fourth] = documents[..] else {
        unreachable!("there are four");
    };

    let deleted = Vectors::delete_page(&db, first, 2).await;
    assert_eq!(deleted, Ok(ids(&["c", "d"])));
    assert_eq!(Vectors::delete_page(&db, first, 2).await, Ok(ids(&[])));
    let deleted = Vectors::delete_document(&db, first).await;
    assert_eq!(deleted, Ok(ids(&["a", "b"])));
    let deleted = Vectors::delete_documents(&db, [third, first, second, third]).await;
    assert_eq!(deleted, Ok(ids(&["a", "b", "c", "d", "a", "b", "c", "d"])));

    let left = Documents::find().all(&db).await.unwrap();
    assert_eq!(left, [documents::Model { id: fourth }]);
    let read = Vectors::pages_of_document(&db, fourth).await.unwrap();
    assert_eq!(read, [page(1, &["a", "b"]), page(2, &["c", "d"])]);
    assert_eq!(rows(&db).await.len(), 3);
}

async fn bad_input_is_named_and_changes_nothing(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    let unknown = doc_id + 1;
    Vectors::record_pages(&db, doc_id, [page(1, &["a"])])
        .await
        .unwrap();
    let before = rows(&db).await;
    let many = |last: Page| (0..2_500).map(|number| page(number, &["m"])).chain([last]);

    let unknown_document = Error::UnknownDocument { doc_id: unknown };
    let record = Vectors::record_pages(&db, unknown, [page(1, &["b"])]).await;
    assert_eq!(record, Err(unknown_document.clone()));
    let record = Vectors::record_pages(&db, unknown, many(page(1, &["b"]))).await;
    assert_eq!(record, Err(unknown_document.clone()));
    let replace = Vectors::replace_page(&db, unknown, page(1, &["b"])).await;
    assert_eq!(replace, Err(unknown_document.clone()));
    let delete = Vectors::delete_page(&db, unknown, 1).await;
    assert_eq!(delete, Err(unknown_document.clone()));
    let delete = Vectors::delete_document(&db, unknown).await;
    assert_eq!(delete, Err(unknown_document.clone()));
    let delete = Vectors::delete_pages_of_document(&db, unknown).await;
    assert_eq!(delete, Err(unknown_document.clone()));
    let replace = Vectors::replace_document(&db, unknown, many(page(1, &["b"]))).await;
    assert_eq!(replace, Err(unknown_document.clone()));
    let read = Vectors::ids_of_page(&db, unknown, 1).await;
    assert_eq!(read, Err(unknown_document.clone()));
    let read = Vectors::pages_of_document(&db, unknown).await;
    assert_eq!(read, Err(unknown_document.clone()));
    let count = Vectors::count_pages(&db, unknown).await;
    assert_eq!(count, Err(unknown_document.clone()));
    let stream = Vectors::stream_pages_of_document(&db, unknown)
        .await
        .unwrap();
    let read: Result<Vec<Page>, Error> = stream.try_collect().await;
    assert_eq!(read, Err(unknown_document));

    let negative = Error::NegativePage { doc_id, page: -1 };
    let record = Vectors::record_pages(&db, doc_id, many(page(-1, &["b"]))).await;
    assert_eq!(record, Err(negative.clone()));
    let replace = Vectors::replace_page(&db, doc_id, page(-1, &["b"])).await;
    assert_eq!(replace, Err(negative.clone()));
    let replace = Vectors::replace_document(&db, doc_id, many(page(-1, &["b"]))).await;
    assert_eq!(replace, Err(negative.clone()));
    let delete = Vectors::delete_page(&db, doc_id, -1).await;
    assert_eq!(delete, Err(negative.clone()));
    let read = Vectors::ids_of_page(&db, doc_id, -1).await;
    assert_eq!(read, Err(negative));

    let no_ids = Error::NoIds { doc_id, page: 1 };
    let record = Vectors::record_pages(&db, doc_id, many(page(1, &[]))).await;
    assert_eq!(record, Err(no_ids.clone()));
    let replace = Vectors::replace_page(&db, doc_id, page(1, &[])).await;
    assert_eq!(replace, Err(no_ids));
    let no_ids = Error::NoIds { doc_id, page: 3000 };
    let replace = Vectors::replace_document(&db, doc_id, many(page(3000, &[]))).await;
    assert_eq!(replace, Err(no_ids));

    let none = Vectors::record_pages(&db, doc_id, []).await;
    assert_eq!(none, Err(Error::NoPages { doc_id }));
    let none = Vectors::replace_document(&db, doc_id, []).await;
    assert_eq!(none, Err(Error::NoPages { doc_id }));
    let none = Vectors::delete_documents(&db, []).await;
    assert_eq!(none, Err(Error::NoDocuments));
    let none = Vectors::pages_of_documents(&db, []).await;
    assert_eq!(none, Err(Error::NoDocuments));

    assert_eq!(rows(&db).await, before);
    assert_eq!(Documents::find().all(&db).await.unwrap().len(), 1);
}

async fn what_cannot_be_read_is_not_deleted(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    let insert = format!(
        "INSERT INTO vectors (doc_id, page, vector_ids) VALUES ({doc_id}, 1, '[\"a\", \"b')"
    );
    database.execute([insert]).await;

    let outcomes = [
        Vectors::delete_page(&db, doc_id, 1).await,
        Vectors::delete_document(&db, doc_id).await,
        Vectors::delete_pages_of_document(&db, doc_id).await,
        Vectors::replace_page(&db, doc_id, page(1, &["c"])).await,
        Vectors::replace_document(&db, doc_id, [page(2, &["c"])]).await,
    ];

    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert!(
            matches!(&error, Error::Unreadable { row: 1, .. }),
            "{error:?}"
        );
        let said = error.to_string();
        for part in ["row 1 of document 1", "vectors.vector_ids: expected"] {
            assert!(said.contains(part), "{said}");
        }
    }
    assert_eq!(lines(&db, "SELECT vector_ids FROM vectors").await.len(), 1);
}

async fn a_callers_transaction_takes_everything_back(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    Vectors::record_pages(&db, doc_id, [page(1, &["a"])])
        .await
        .unwrap();
    let before = rows(&db).await;

    let transaction = db.begin().await.unwrap();
    let many = (0..2_500).map(|number| page(number, &["m"]));
    Vectors::record_pages(&transaction, doc_id, many)
        .await
        .unwrap();
    let read = Vectors::ids_of_page(&transaction, doc_id, 1).await;
    assert_eq!(read, Ok(ids(&["a", "m"])));
    Vectors::replace_page(&transaction, doc_id, page(1, &["b"]))
        .await
        .unwrap();
    let refused = Vectors::delete_page(&transaction, doc_id + 1, 1).await;
    assert!(matches!(refused, Err(Error::UnknownDocument { .. })));
    Vectors::delete_document(&transaction, doc_id)
        .await
        .unwrap();
    transaction.rollback().await.unwrap();

    assert_eq!(rows(&db).await, before);
}

async fn a_callers_transaction_goes_on_where_pages_are_refused(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;

    let transaction = db.begin().await.unwrap();
    let refused = Vectors::record_pages(&transaction, doc_id + 1, [page(1, &["a"])]).await;
    let unknown = Error::UnknownDocument { doc_id: doc_id + 1 };
    assert_eq!(refused, Err(unknown));
    let recorded = Vectors::record_pages(&transaction, doc_id, [page(1, &["b"])]).await;
    assert_eq!(recorded, Ok(1));
    transaction.commit().await.unwrap();

    let read = Vectors::ids_of_page(&db, doc_id, 1).await;
    assert_eq!(read, Ok(ids(&["b"])));
}

async fn a_page_may_be_larger_than_a_statement(shared: Database) {
    let server = shared.engine.start().expect("a server");
    let database = server
        .create_database(shared.engine)
        .await
        .expect("a database");
    database
        .execute(["SET GLOBAL max_allowed_packet = 1048576"])
        .await;
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    let large = Page::new(1, many(1, 60_000));

    Vectors::record_pages(&db, doc_id, [large.clone()])
        .await
        .unwrap();
    let read = Vectors::ids_of_page(&db, doc_id, 1).await.unwrap();
    assert!(read == large.ids, "the ids differ");
    let other = Page::new(1, many(2, 60_000));
    let unused = Vectors::replace_page(&db, doc_id, other.clone())
        .await
        .unwrap();
    assert!(unused == large.ids, "the ids differ");
    let deleted = Vectors::delete_document(&db, doc_id).await.unwrap();
    assert!(deleted == other.ids, "the ids differ");
}

/// SeaORM's own connection, which refuses every statement that it has not parsed.
async fn a_restricted_connection_does_what_its_user_may(database: Database) {
    let db = migrated(&database).await;
    create_tables(&db, Default::default()).await.unwrap();
    let mut rights = RbacContext::load(&db).await.unwrap();
    rights.add_tables(&db, &["*", "vectors"]).await.unwrap();
    rights.add_crud_permissions(&db).await.unwrap();
    rights.add_roles(&db, &["all", "reader"]).await.unwrap();
    let [all, reader] = [(1, "all"), (2, "reader")];
    rights.assign_user_role(&db, &[all, reader]).await.unwrap();
    let actions = ["select", "insert", "update", "delete"];
    for (role, actions) in [("all", &actions[..]), ("reader", &actions[..1])] {
        let granted = rights.add_role_permissions(&db, role, actions, &["*"]);
        granted.await.unwrap();
    }
    db.load_rbac().await.unwrap();
    let user = |(id, _)| db.restricted_for(RbacUserId(id)).unwrap();
    let (all, reader) = (user(all), user(reader));
    let doc_id = document(&all).await;

    let recorded = Vectors::record_pages(&all, doc_id, [page(1, &["a"]), page(2, &["b"])]).await;
    assert!(recorded.is_ok(), "{recorded:?}");
    let read = Vectors::pages_of_document(&reader, doc_id).await.unwrap();
    assert_eq!(read, [page(1, &["a"]), page(2, &["b"])]);
    for refused in [
        Vectors::replace_page(&reader, doc_id, page(1, &["c"])).await,
        Vectors::delete_page(&reader, doc_id, 1).await,
        Vectors::delete_document(&reader, doc_id).await,
    ] {
        let is_refused = matches!(&refused, Err(Error::Database(DbErr::AccessDenied { .. })));
        assert!(is_refused, "{refused:?}");
    }
    let unused = Vectors::replace_page(&all, doc_id, page(1, &["c"])).await;
    assert_eq!(unused, Ok(ids(&["a"])));
    let unused = Vectors::replace_document(&all, doc_id, [page(2, &["b", "d"])]).await;
    assert_eq!(unused, Ok(ids(&["c"])));
    let unused = Vectors::delete_pages_of_document(&all, doc_id).await;
    assert_eq!(unused, Ok(ids(&["b", "d"])));
    let transaction = all.begin().await.unwrap();
    let unused = Vectors::delete_documents(&transaction, [doc_id]).await;
    assert_eq!(unused, Ok(ids(&[])));
    transaction.commit().await.unwrap();
    assert_eq!(Documents::find().all(&db).await, Ok(vec![]));
}

/// Returns the query for sessions of this database that wait for a lock.
fn waiting(database: &Database) -> &'static str {
    match database.backend() {
        // The session waits on the node that has the document.
        DbBackend::Postgres if database.is_citus() => {
            "SELECT waiting_gpid::text FROM citus_lock_waits"
        }
        DbBackend::Postgres => {
            "SELECT pid::text FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'"
        }
        _ => {
            // `innodb_trx` shows nothing new while it is queried more often than ten times a
            // second.
            "SELECT concat('', id) FROM information_schema.processlist
                WHERE db = DATABASE() AND command <> 'Sleep' AND time >= 1 AND id <> connection_id()"
        }
    }
}

/// By the server's limit for a statement, by the end of its connection, on SQLite by the limit of
/// its wait.
async fn a_call_that_the_database_ends_changes_nothing_and_the_next_one_works(database: Database) {
    let backend = database.backend();
    let db = migrated(&database).await;
    let (doc_id, pages) = document_of_a_page(&db).await;
    let other = database.connect().await;
    let holder = other.begin().await.unwrap();
    let hold = match backend {
        DbBackend::Sqlite => "DELETE FROM vectors WHERE FALSE".to_owned(),
        _ => format!("SELECT id FROM documents WHERE id = {doc_id} FOR UPDATE"),
    };
    holder.execute_unprepared(&hold).await.unwrap();

    let limit = match backend {
        DbBackend::Postgres => Some("SET statement_timeout = '200ms'"),
        DbBackend::MySql => Some("SET max_statement_time = 0.2"),
        _ => None,
    };
    if let Some(limit) = limit {
        let limited = database.connect_once().await;
        limited.execute_unprepared(limit).await.unwrap();
        let ended = Vectors::delete_document(&limited, doc_id).await;
        assert!(matches!(ended, Err(Error::Database(_))), "{ended:?}");
    }
    let call = tokio::spawn({
        let db = db.clone();
        async move { Vectors::delete_document(&db, doc_id).await }
    });
    if backend != DbBackend::Sqlite {
        let waits = async || lines(&other, waiting(&database)).await;
        until("the call waits", async || !waits().await.is_empty()).await;
        for session in waits().await {
            let end = match backend {
                DbBackend::Postgres => format!("SELECT pg_terminate_backend({session})"),
                _ => format!("KILL {session}"),
            };
            other.execute_unprepared(&end).await.unwrap();
        }
    }
    let ended = call.await.unwrap();
    let Err(error @ Error::Database(_)) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(
        error.is_retryable(),
        backend == DbBackend::Sqlite,
        "{error}"
    );
    holder.rollback().await.unwrap();

    assert_eq!(
        Vectors::pages_of_document(&db, doc_id).await,
        Ok(pages.to_vec())
    );
    let deleted = Vectors::delete_document(&db, doc_id).await;
    assert_eq!(deleted, Ok(ids(&["a"])));
}
