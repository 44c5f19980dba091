//! The Python application's own migrations, run by the real Alembic.

use sea_orm::{ConnectionTrait, DbBackend};

use super::{Test, shape};
use crate::{
    engines::Database,
    programs::{migrate, python},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    match backend {
        DbBackend::Postgres => tests![
            the_shape_equals_alembics,
            a_database_that_alembic_made_is_migrated_and_alembic_goes_on,
            alembic_goes_on_where_this_workspace_came_first,
            what_alembic_passes_over_is_converged,
        ],
        _ => Vec::new(),
    }
}

fn upgrade(database: &Database, revision: &str) {
    let url = database.sqlalchemy_url();
    python("alembic_upgrade.py", &[&url, revision], "").expect_success();
}

async fn the_shape_equals_alembics(database: Database) {
    let other = database.beside("alembic").await;
    upgrade(&other, "20250524_vectors");
    let mut alembics = shape::of_postgres(&other.connect().await).await;
    alembics.retain(|line| !line.contains("users_id_seq"));

    migrate(&database, ["up"]).expect_success();

    assert_eq!(
        shape::of_postgres(&database.connect().await).await,
        alembics
    );
    other.give_back(&database).await;
}

async fn a_database_that_alembic_made_is_migrated_and_alembic_goes_on(database: Database) {
    upgrade(&database, "20250524_vectors");

    migrate(&database, ["up"]).expect_success();

    upgrade(&database, "head");
    cascades(&database).await;
}

async fn alembic_goes_on_where_this_workspace_came_first(database: Database) {
    upgrade(&database, "20250524_user_disabled");

    migrate(&database, ["up"]).expect_success();

    upgrade(&database, "head");
    cascades(&database).await;
}

/// The reason for this workspace: IF NOT EXISTS checks only a name.
async fn what_alembic_passes_over_is_converged(database: Database) {
    let older = include_str!("../../shapes/postgres/create_all.sql");
    upgrade(&database, "20250524_user_disabled");
    database
        .execute(["DROP TABLE users, documents CASCADE", older])
        .await;

    upgrade(&database, "20250524_vectors");

    let has_no_cascade = migrate(&database, ["check"]).stdout;
    assert!(
        has_no_cascade.contains("vectors_doc_id_fkey has ON DELETE NO ACTION"),
        "{has_no_cascade}"
    );
    migrate(&database, ["up"]).expect_success();
    migrate(&database, ["check"]).expect_success();
}

/// Deletes cascade on the table to which the later revision has added a column.
async fn cascades(database: &Database) {
    let db = database.connect().await;
    for sql in [
        "INSERT INTO documents (id) VALUES (1)",
        "INSERT INTO vectors (doc_id, page, vector_ids, model) VALUES (1, 1, '[]', 'colpali')",
        "DELETE FROM documents",
    ] {
        db.execute_unprepared(sql).await.expect(sql);
    }
    assert_eq!(
        shape::lines(&db, "SELECT model FROM vectors").await,
        [""; 0]
    );
}
