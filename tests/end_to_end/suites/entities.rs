//! The entities that services import.

use entity::{documents, prelude::*, vectors};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DatabaseConnection, QueryOrder,
    entity::*,
};

use super::Test;
use crate::{engines::Database, programs::runner};

pub fn tests() -> Vec<Test> {
    tests![
        a_document_is_loaded_with_its_vectors,
        rows_are_joined_with_their_document,
        deleting_a_document_deletes_its_vectors_and_no_others,
        a_page_of_5000_ids_comes_back_equal,
        a_value_that_cannot_be_read_is_an_error_that_names_its_column,
    ]
}

async fn migrated(database: &Database) -> DatabaseConnection {
    let db = database.connect().await;
    runner().up(&db, None).await.expect("up");
    db
}

async fn document(db: &DatabaseConnection) -> i32 {
    documents::ActiveModel { id: NotSet }
        .insert(db)
        .await
        .expect("a document")
        .id
}

async fn record(db: &DatabaseConnection, doc_id: i32, page: i32, ids: &[&str]) -> vectors::Model {
    let row = vectors::ActiveModel {
        doc_id: Set(doc_id),
        page: Set(page),
        vector_ids: Set(ids.iter().copied().collect()),
        ..Default::default()
    };
    row.insert(db).await.expect("the document exists")
}

async fn a_document_is_loaded_with_its_vectors(database: Database) {
    let db = migrated(&database).await;
    let (first, second) = (document(&db).await, document(&db).await);
    record(&db, first, 1, &["a", "b"]).await;
    record(&db, first, 2, &["c"]).await;
    record(&db, second, 1, &["d"]).await;

    let loaded = Documents::load()
        .filter_by_id(first)
        .with(Vectors)
        .one(&db)
        .await
        .unwrap()
        .unwrap();

    let mut pages: Vec<(i32, String)> = loaded
        .vectors
        .into_iter()
        .map(|row| (row.page, row.vector_ids.to_string()))
        .collect();
    pages.sort();
    assert_eq!(
        pages,
        [(1, r#"["a", "b"]"#.to_owned()), (2, r#"["c"]"#.to_owned())]
    );
}

async fn rows_are_joined_with_their_document(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    let row = record(&db, doc_id, 3, &["a"]).await;

    let joined = Vectors::find()
        .find_also_related(Documents)
        .order_by_asc(vectors::Column::Id)
        .all(&db)
        .await
        .unwrap();

    assert_eq!(joined, [(row, Some(documents::Model { id: doc_id }))]);
}

async fn deleting_a_document_deletes_its_vectors_and_no_others(database: Database) {
    let db = migrated(&database).await;
    let (gone, kept) = (document(&db).await, document(&db).await);
    record(&db, gone, 1, &["a"]).await;
    record(&db, gone, 2, &["b"]).await;
    let row = record(&db, kept, 1, &["c"]).await;

    Documents::delete_by_id(gone).exec(&db).await.unwrap();

    assert_eq!(Vectors::find().all(&db).await.unwrap(), [row]);
}

async fn a_page_of_5000_ids_comes_back_equal(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    let ids: Vec<String> = (0..5000u128)
        .map(|n| format!("{:032x}", n * 0x9e37_79b9_7f4a_7c15))
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();

    let written = record(&db, doc_id, 1, &ids).await;

    let read = Vectors::find_by_id(written.id)
        .one(&db)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.vector_ids, VectorIds::from_iter(ids));
}

async fn a_value_that_cannot_be_read_is_an_error_that_names_its_column(database: Database) {
    let db = migrated(&database).await;
    let doc_id = document(&db).await;
    for (value, place) in [
        ("", "byte 0, found the end"),
        ("not ids", "byte 3, found \" ids\""),
        ("{\"a\": 1}", "byte 0, found \"{\\\"a\\\": 1}\""),
        ("[\"a\", null]", "byte 6, found \"null]\""),
        ("[\"a\", \"b\"", "byte 9, found the end"),
    ] {
        let insert = format!(
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES ({doc_id}, 1, '{value}')"
        );
        db.execute_unprepared(&insert).await.unwrap();

        let error = Vectors::find().all(&db).await.unwrap_err().to_string();

        assert!(error.contains("vectors.vector_ids: expected "), "{error}");
        assert!(error.contains(place), "{error}");
        Vectors::delete_many().exec(&db).await.unwrap();
    }
}
