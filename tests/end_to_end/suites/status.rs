//! `status`: when each migration was applied, whether the tables have the declared shape, and
//! Alembic's revision.

use std::time::{SystemTime, UNIX_EPOCH};

use migration::Runner;
use sea_orm::DbBackend;

use super::Test;
use crate::{
    engines::Database,
    programs::{migrate, runner},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        status_says_when_each_was_applied,
        status_says_whether_the_shape_holds,
        status_shows_the_revision_of_alembic,
        status_shows_what_is_no_time,
        a_service_reads_the_same,
    ];
    if backend == DbBackend::Postgres {
        tests.extend(tests![
            status_says_why_the_shape_is_not_known,
            status_reads_alembics_table_of_its_own_schema_alone,
        ]);
    }
    tests
}

async fn status_says_when_each_was_applied(database: Database) {
    migrate(&database, ["up", "-n", "2"]).expect_success();
    database
        .execute(["UPDATE seaql_migrations SET applied_at = 1748088000"])
        .await;

    let status = migrate(&database, ["status"]).expect_success();

    let table = "\
m20250524_000000_create_documents  applied  2025-05-24 12:00:00 UTC
m20250524_120000_create_vectors    applied  2025-05-24 12:00:00 UTC
m20261123_000000_store_vector_ids  pending
";
    assert!(status.contains(table), "{status}");
}

async fn status_says_whether_the_shape_holds(database: Database) {
    let shape = |database: &Database| {
        let status = migrate(database, ["status"]).expect_success();
        let mut lines = status.lines().map(str::to_owned);
        lines.find(|line| line.starts_with("shape:"))
    };
    assert_eq!(shape(&database).as_deref(), Some("shape:   2 differences"));
    migrate(&database, ["up"]).expect_success();
    assert_eq!(shape(&database).as_deref(), Some("shape:   as declared"));
    database
        .execute(["INSERT INTO documents (id) VALUES (1)"])
        .await;
    // A foreign key of MySQL needs an index.
    match database.backend() {
        DbBackend::MySql => {
            let keys = [
                "DROP FOREIGN KEY vectors_doc_id_fkey",
                "DROP KEY ix_vectors_doc_id",
            ];
            database
                .execute(keys.map(|key| format!("ALTER TABLE vectors {key}")))
                .await;
            assert_eq!(shape(&database).as_deref(), Some("shape:   2 differences"));
        }
        _ => {
            database.execute(["DROP INDEX ix_vectors_doc_id"]).await;
            assert_eq!(shape(&database).as_deref(), Some("shape:   1 difference"));
        }
    }
}

async fn status_shows_the_revision_of_alembic(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let status = migrate(&database, ["status"]).expect_success();
    assert!(!status.contains("Alembic"), "{status}");
    database
        .execute(["CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)"])
        .await;
    let status = migrate(&database, ["status"]).expect_success();
    assert!(status.ends_with("Alembic: no revision\n"), "{status}");

    database
        .execute(["INSERT INTO alembic_version VALUES ('20250524_vectors')"])
        .await;

    let status = migrate(&database, ["status"]).expect_success();
    assert!(status.ends_with("Alembic: 20250524_vectors\n"), "{status}");
}

/// Another tool may have written milliseconds there.
async fn status_shows_what_is_no_time(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database
        .execute(["UPDATE seaql_migrations SET applied_at = 9223372036854775807"])
        .await;

    let status = migrate(&database, ["status"]).expect_success();
    let json = migrate(&database, ["status", "--json"]).expect_success();

    let time = "create_vectors    applied  at 9223372036854775807 seconds";
    assert!(status.contains(time), "{status}");
    assert!(
        json.contains("\"applied_at\":9223372036854775807"),
        "{json}"
    );
}

async fn status_reads_alembics_table_of_its_own_schema_alone(database: Database) {
    database
        .execute([
            "CREATE SCHEMA tenant_a",
            "CREATE SCHEMA tenant_b",
            "CREATE TABLE alembic_version (version_num varchar(32))",
            "INSERT INTO alembic_version VALUES ('of_public')",
            "CREATE TABLE tenant_b.alembic_version (version_num varchar(32))",
            "INSERT INTO tenant_b.alembic_version VALUES ('20250524_vectors'), (NULL)",
        ])
        .await;

    let a = migrate(&database, ["status", "-s", "tenant_a"]).expect_success();
    let b = migrate(&database, ["status", "-s", "tenant_b"]).expect_success();

    assert!(!a.contains("Alembic"), "{a}");
    assert!(b.ends_with("Alembic: 20250524_vectors\n"), "{b}");
}

async fn a_service_reads_the_same(database: Database) {
    let db = database.connect().await;
    let before = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("now")
        .as_secs();
    runner().up(&db, Some(2)).await.expect("up");

    let status = Runner::new().status(&db).await.expect("status");

    let applied: Vec<bool> = status
        .migrations
        .iter()
        .map(|migration| migration.applied_at.is_some())
        .collect();
    assert_eq!(applied, [true, true, false]);
    let seconds = status.migrations[0].applied_at.expect("applied");
    assert!(seconds >= before as i64, "{seconds} {before}");
    assert_eq!(status.alembic.expect("there is nothing to read"), None);
    assert!(status.shape.is_ok());
}

/// A user who may not read the rows learns what has been applied.
async fn status_says_why_the_shape_is_not_known(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let name = format!("reader_{}", database.name);
    database
        .execute([
            format!(
                "CREATE ROLE {name} LOGIN PASSWORD '{}'",
                crate::engines::USERS_PASSWORD
            ),
            format!("GRANT USAGE ON SCHEMA public TO {name}"),
            format!("GRANT SELECT ON seaql_migrations TO {name}"),
            "CREATE TABLE alembic_version (version_num varchar(32))".to_owned(),
        ])
        .await;

    let status = migrate(&database.of_user(&name), ["status"]).expect_success();

    assert!(status.contains("create_vectors    applied  "), "{status}");
    for part in [
        "1 part is unknown",
        "not known: permission denied",
        "Alembic: not known: ",
    ] {
        assert!(status.contains(part), "{status}");
    }
    database
        .execute([format!("DROP OWNED BY {name}"), format!("DROP ROLE {name}")])
        .await;
}
