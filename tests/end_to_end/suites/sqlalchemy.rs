//! The Python application on the same rows.

use entity::{Page, documents, prelude::*, vectors};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    DatabaseConnection, EntityTrait,
    entity::*,
};
use serde_json::{Value, json};

use super::{Test, convergence::works, inventory::Inventory, shape::lines};
use crate::{
    engines::Database,
    programs::{migrate, python, runner},
};

pub fn tests() -> Vec<Test> {
    tests![
        sqlalchemy_reads_what_the_entity_wrote,
        the_entity_reads_what_sqlalchemy_wrote,
        both_write_the_same_text,
        a_database_of_create_all_gets_its_cascade,
    ]
}

async fn migrated(database: &Database) -> (DatabaseConnection, documents::Model) {
    let db = database.connect().await;
    runner().up(&db, None).await.unwrap();
    let document = documents::ActiveModel { id: NotSet };
    let document = document.insert(&db).await.unwrap();
    (db, document)
}

async fn sqlalchemy_reads_what_the_entity_wrote(database: Database) {
    let (db, document) = migrated(&database).await;
    let ids = ["0f8fad5bd9cb469fa16570867728950e", "quoted \" and ü"];
    let row = vectors::ActiveModel {
        doc_id: Set(document.id),
        page: Set(4),
        vector_ids: Set(ids.into_iter().collect()),
        ..Default::default()
    };
    row.insert(&db).await.unwrap();

    let read = python("rows.py", &["read", &database.sqlalchemy_url()], "").expect_success();

    let rows: Value = serde_json::from_str(&read).unwrap();
    assert_eq!(
        rows,
        json!([{"doc_id": document.id, "page": 4, "vector_ids": ids}])
    );
}

async fn the_entity_reads_what_sqlalchemy_wrote(database: Database) {
    let (db, document) = migrated(&database).await;
    let ids = ["7c9e6679742540de944be07fc1f90ae7", "quoted \" and ü"];
    let row = json!([{"doc_id": document.id, "page": 5, "vector_ids": ids}]);

    let url = database.sqlalchemy_url();
    python("rows.py", &["write", &url], &row.to_string()).expect_success();

    let read = Vectors::find().one(&db).await.unwrap().unwrap();
    assert_eq!((read.doc_id, read.page), (document.id, 5));
    assert_eq!(read.vector_ids, VectorIds::from_iter(ids));
}

async fn both_write_the_same_text(database: Database) {
    let (db, document) = migrated(&database).await;
    let ids = json!([
        "7c9e6679742540de944be07fc1f90ae7",
        7,
        u64::MAX,
        "",
        "\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}\u{2028} ü 東京 🦀",
    ]);
    let row = json!([{"doc_id": document.id, "page": 1, "vector_ids": ids}]);
    let url = database.sqlalchemy_url();
    python("rows.py", &["write", &url], &row.to_string()).expect_success();

    let ids: VectorIds = serde_json::from_value(ids).unwrap();
    let page = Page { number: 1, ids };
    Vectors::record_pages(&db, document.id, [page])
        .await
        .unwrap();

    let texts = lines(&db, "SELECT vector_ids FROM vectors ORDER BY id").await;
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0], texts[1]);
}

/// As in production: SQLAlchemy's `create_all` came first, with a key that has no CASCADE.
async fn a_database_of_create_all_gets_its_cascade(database: Database) {
    python("create_all.py", &[&database.sqlalchemy_url()], "").expect_success();
    let before = Inventory::of(&database).await;
    let found = migrate(&database, ["check"]);
    assert_eq!(found.code, Some(1), "{}", found.stderr);
    assert!(found.stdout.contains("has ON DELETE"), "{}", found.stdout);

    migrate(&database, ["up"]).expect_success();

    migrate(&database, ["check"]).expect_success();
    before.assert_kept_in(&Inventory::of(&database).await);
    works(&database).await;
}
