//! How PostgreSQL stores the long values of `vector_ids`.

use sea_orm::DbBackend;

use super::{Test, shape::lines};
use crate::{
    engines::Database,
    programs::{is_applied, migrate},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    match backend {
        DbBackend::Postgres => tests![
            up_stores_with_lz4_where_the_server_has_it_and_uncompressed_elsewhere,
            down_takes_the_storage_back_and_up_sets_it_again,
            what_is_stored_uncompressed_stays_so,
            what_is_kept_in_the_row_is_let_out,
        ],
        _ => Vec::new(),
    }
}

const STORAGE: &str = "SELECT concat(attstorage, attcompression) FROM pg_attribute
    WHERE attrelid = 'vectors'::regclass AND attname = 'vector_ids'";

/// The storage without the migration.
const SERVERS_OWN: &str = "x";

async fn storage(database: &Database) -> String {
    let db = database.connect().await;
    lines(&db, STORAGE).await.concat()
}

async fn declared(database: &Database) -> &'static str {
    let knows = "SELECT concat('', 'lz4' = ANY (enumvals)) FROM pg_settings
                 WHERE name = 'default_toast_compression'";
    match lines(&database.connect().await, knows)
        .await
        .concat()
        .as_str()
    {
        "t" => "xl",
        _ => "e",
    }
}

async fn up_stores_with_lz4_where_the_server_has_it_and_uncompressed_elsewhere(database: Database) {
    let legacy = include_str!("../../shapes/postgres/furnished.sql");
    database.execute([legacy]).await;
    let db = database.connect().await;
    let rows =
        "SELECT concat(id, vector_ids, pg_relation_filenode('vectors')) FROM vectors ORDER BY id";
    let before = lines(&db, rows).await;
    assert_eq!(storage(&database).await, SERVERS_OWN);
    let check = migrate(&database, ["check"]);
    assert_eq!(check.code, Some(1), "{check:?}");
    let sentence = "storage: vector_ids is compressed as the server does it";
    assert!(check.stdout.contains(sentence), "{check:?}");

    migrate(&database, ["up", "-n", "2"]).expect_success();
    assert_eq!(storage(&database).await, SERVERS_OWN);
    migrate(&database, ["up"]).expect_success();

    assert_eq!(storage(&database).await, declared(&database).await);
    assert_eq!(lines(&db, rows).await, before, "the rows were written anew");
    migrate(&database, ["check"]).expect_success();
}

async fn down_takes_the_storage_back_and_up_sets_it_again(database: Database) {
    migrate(&database, ["up"]).expect_success();

    migrate(&database, ["down"]).expect_success();

    assert_eq!(storage(&database).await, SERVERS_OWN);
    assert!(is_applied(&database, "create_vectors"));
    assert!(!is_applied(&database, "store_vector_ids"));
    migrate(&database, ["up"]).expect_success();
    assert_eq!(storage(&database).await, declared(&database).await);
}

async fn what_is_stored_uncompressed_stays_so(database: Database) {
    migrate(&database, ["up", "-n", "2"]).expect_success();
    let set = "ALTER TABLE vectors ALTER vector_ids SET STORAGE EXTERNAL";
    database.execute([set]).await;

    migrate(&database, ["up"]).expect_success();

    assert_eq!(storage(&database).await, "e");
    migrate(&database, ["check"]).expect_success();
}

async fn what_is_kept_in_the_row_is_let_out(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let set = "ALTER TABLE vectors ALTER vector_ids SET STORAGE PLAIN";
    database.execute([set]).await;
    let check = migrate(&database, ["check"]);
    assert!(check.stdout.contains("STORAGE PLAIN"), "{check:?}");

    migrate(&database, ["repair"]).expect_success();

    let stored = storage(&database).await;
    assert!(["xl", "el", "e"].contains(&stored.as_str()), "{stored}");
    migrate(&database, ["check"]).expect_success();
}
