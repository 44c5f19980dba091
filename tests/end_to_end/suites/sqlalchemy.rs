//! The Python application on the same rows.

use entity::{documents, prelude::*, vectors};
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    EntityTrait,
    entity::*,
};
use serde_json::{Value, json};

use super::{Test, convergence::works, inventory::Inventory};
use crate::{
    engines::Database,
    programs::{migrate, python},
};

pub fn tests() -> Vec<Test> {
    tests![
        sqlalchemy_reads_what_the_entity_wrote,
        the_entity_reads_what_sqlalchemy_wrote,
        a_database_of_create_all_gets_its_cascade,
    ]
}

async fn sqlalchemy_reads_what_the_entity_wrote(database: Database) {
    let db = database.connect().await;
    Migrator::up(&db, None).await.unwrap();
    let document = documents::ActiveModel { id: NotSet }
        .insert(&db)
        .await
        .unwrap();
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
    let db = database.connect().await;
    Migrator::up(&db, None).await.unwrap();
    let document = documents::ActiveModel { id: NotSet }
        .insert(&db)
        .await
        .unwrap();
    let ids = ["7c9e6679742540de944be07fc1f90ae7", "quoted \" and ü"];
    let row = json!([{"doc_id": document.id, "page": 5, "vector_ids": ids}]);

    let url = database.sqlalchemy_url();
    python("rows.py", &["write", &url], &row.to_string()).expect_success();

    let read = Vectors::find().one(&db).await.unwrap().unwrap();
    assert_eq!((read.doc_id, read.page), (document.id, 5));
    assert_eq!(read.vector_ids.iter().collect::<Vec<_>>(), ids);
}

/// As in production: SQLAlchemy's own `create_all` came first, with a key that has no CASCADE.
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
