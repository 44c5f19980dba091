//! Tests without a database: what a service can do in its own unit tests, and from which tasks.

use std::collections::BTreeMap;

use sea_orm::{
    DatabaseBackend, DatabaseConnection, DbErr, EntityTrait, MockDatabase, MockExecResult, Value,
};

use crate::{Error, Page, documents, prelude::*, vectors};

fn changed(rows: u64) -> MockExecResult {
    MockExecResult {
        last_insert_id: 1,
        rows_affected: rows,
    }
}

fn row(id: i32, page: i32, vector_ids: &str) -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("doc_id", Some(1).into()),
        ("id", Some(id).into()),
        ("page", Some(page).into()),
        ("vector_ids", Some(vector_ids.to_owned()).into()),
    ])
}

#[tokio::test]
async fn pages_are_recorded_and_read_on_a_mock_of_each_backend() {
    for backend in [
        DatabaseBackend::Postgres,
        DatabaseBackend::MySql,
        DatabaseBackend::Sqlite,
    ] {
        let db = MockDatabase::new(backend)
            .append_exec_results([changed(1)])
            .append_query_results([[row(7, 1, "[\"a\"]")]])
            .into_connection();

        let recorded = Vectors::record_pages(&db, 1, [Page::new(1, ["a"])]).await;
        let read = Vectors::ids_of_page(&db, 1, 1).await;

        assert_eq!(recorded, Ok(1), "{backend:?}");
        assert_eq!(read, Ok(["a"].into()), "{backend:?}");
    }
}

/// A deletion queries the document, which it locks, and on PostgreSQL the rows that it deletes.
#[tokio::test]
async fn a_page_is_deleted_on_a_mock_of_postgres() {
    let db = MockDatabase::new(DatabaseBackend::Postgres)
        .append_query_results([[documents::Model { id: 1 }]])
        .append_query_results([[row(7, 1, "[\"a\"]")]])
        .into_connection();

    let deleted = Vectors::delete_page(&db, 1, 1).await;

    assert_eq!(deleted, Ok(["a"].into()));
}

#[tokio::test]
async fn what_the_database_refuses_is_an_error_on_a_mock_too() {
    let refused = DbErr::Custom("refused".to_owned());
    let db = MockDatabase::new(DatabaseBackend::Postgres)
        .append_exec_errors([refused.clone()])
        .into_connection();

    let recorded = Vectors::record_pages(&db, 1, [Page::new(1, ["a"])]).await;

    assert_eq!(recorded, Err(Error::Database(refused)));
}

/// This only has to compile: handlers and spawned tasks need futures that are `Send`, whatever they
/// borrow.
#[allow(dead_code)]
fn every_operation_can_be_spawned(db: DatabaseConnection, texts: Vec<String>, numbers: Vec<i32>) {
    tokio::spawn(async move {
        let pages = || {
            numbers
                .iter()
                .map(|number| Page::new(*number, texts.iter()))
        };
        let _ = Vectors::record_pages(&db, 1, pages()).await;
        let _ = Vectors::replace_page(&db, 1, Page::new(1, &texts)).await;
        let _ = Vectors::replace_document(&db, 1, pages()).await;
        let _ = Vectors::delete_page(&db, 1, 1).await;
        let _ = Vectors::delete_pages_of_document(&db, 1).await;
        let _ = Vectors::delete_document(&db, 1).await;
        let _ = Vectors::delete_documents(&db, numbers.iter().copied()).await;
        let _ = Vectors::ids_of_page(&db, 1, 1).await;
        let _ = Vectors::pages_of_document(&db, 1).await;
        let _ = Vectors::stream_pages_of_document(&db, 1).await;
        let _ = Vectors::pages_of_documents(&db, numbers.iter().copied()).await;
        let _ = Vectors::count_pages(&db, 1).await;
        let _ = Vectors::stream_ids(&db).await;
        let _ = Vectors::documents_without_pages(&db).await;
        let _ = vectors::Entity::find_by_id(1).one(&db).await;
    });
}
