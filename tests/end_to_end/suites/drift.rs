//! Tables that have changed since every migration was recorded.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend};

use super::{Test, inventory::Inventory};
use crate::{
    engines::Database,
    programs::{migrate, migrate_beside_an_application},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        up_names_a_table_that_is_gone_and_repair_makes_it,
        up_names_an_index_that_is_gone_and_changes_nothing,
        up_names_the_applications_table_where_that_is_gone,
        a_service_starts_where_the_tables_have_changed,
        a_table_of_records_of_another_form_is_refused_before_anything_changes,
        a_row_that_names_no_migration_is_no_record,
        a_table_of_records_that_takes_no_record_is_read,
    ];
    if backend != DbBackend::Sqlite {
        tests.extend(tests![a_table_of_records_may_have_further_columns]);
    }
    if backend == DbBackend::Postgres {
        tests.extend(tests![a_domain_limits_the_names_of_migrations_too]);
    }
    tests
}

async fn up_names_a_table_that_is_gone_and_repair_makes_it(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute(["DROP TABLE vectors"]).await;

    for up in [&["up"][..], &["up", "-n", "1"]] {
        let drifted = migrate(&database, up);
        assert!(
            !drifted.stdout.contains("No pending migrations"),
            "{drifted:?}"
        );
        let error = drifted.expect_error();
        assert!(error.contains("there is no table vectors"), "{error}");
        assert!(error.contains("`repair` fixes that"), "{error}");
    }

    let dry = migrate(&database, ["up", "--dry-run"]);
    assert_eq!(dry.stdout, "");
    let error = dry.expect_error_after_messages();
    assert!(error.contains("there is no table vectors"), "{error}");

    migrate(&database, ["repair"]).expect_success();
    let up = migrate(&database, ["up"]).expect_success();
    assert!(up.contains("No pending migrations"), "{up}");
}

async fn up_names_an_index_that_is_gone_and_changes_nothing(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let drop = match database.backend() {
        DbBackend::MySql => {
            "ALTER TABLE vectors DROP FOREIGN KEY vectors_doc_id_fkey, DROP KEY ix_vectors_doc_id"
        }
        _ => "DROP INDEX ix_vectors_doc_id",
    };
    database.execute([drop]).await;
    let before = Inventory::of(&database).await;

    let error = migrate(&database, ["up"]).expect_error();

    assert!(error.contains("no index leads with doc_id"), "{error}");
    assert_eq!(Inventory::of(&database).await, before);
}

async fn up_names_the_applications_table_where_that_is_gone(database: Database) {
    database
        .execute(["CREATE TABLE documents (id integer NOT NULL PRIMARY KEY)"])
        .await;
    migrate_beside_an_application(&database, ["up"]).expect_success();
    database
        .execute(["DROP TABLE vectors", "DROP TABLE documents"])
        .await;

    let error = migrate_beside_an_application(&database, ["up"]).expect_error();

    assert!(error.contains("there is no table documents"), "{error}");
    assert!(!error.contains("`repair` fixes that"), "{error}");
}

/// The service logs a warning.
async fn a_service_starts_where_the_tables_have_changed(database: Database) {
    let db = database.connect().await;
    database
        .execute(["CREATE TABLE documents (id integer NOT NULL PRIMARY KEY)"])
        .await;
    Migrator::up(&db, None).await.expect("documents is there");
    database.execute(["DROP TABLE vectors"]).await;

    Migrator::up(&db, None).await.expect("it starts");

    db.execute_unprepared("SELECT 1 FROM vectors")
        .await
        .expect_err("up makes no table again");
}

async fn a_table_of_records_of_another_form_is_refused_before_anything_changes(database: Database) {
    let mut forms = vec![
        (
            "TABLE records (version varchar(99) PRIMARY KEY)",
            "no column `applied_at`",
        ),
        (
            "TABLE records (version varchar(99) PRIMARY KEY, applied_at timestamp)",
            "`applied_at` is timestamp",
        ),
        (
            "TABLE records (version varchar(99) PRIMARY KEY, applied_at varchar(9) NOT NULL)",
            "not bigint",
        ),
        (
            "TABLE records (version varchar(99) PRIMARY KEY, applied_at point)",
            "`applied_at` is point",
        ),
        (
            "TABLE records (version integer PRIMARY KEY, applied_at bigint NOT NULL)",
            "not a text",
        ),
        (
            "TABLE records (version varchar(99), applied_at bigint, note varchar(9) NOT NULL)",
            "`note` has no default",
        ),
        ("TABLE records (id integer)", "no column `version`"),
        (
            "VIEW records AS SELECT '1' AS version, 1 AS applied_at",
            "is no table",
        ),
    ];
    // SQLite limits no length.
    if database.backend() != DbBackend::Sqlite {
        forms.extend([
            (
                "TABLE records (version varchar(20) PRIMARY KEY, applied_at bigint)",
                "`version` holds 20 characters",
            ),
            (
                "TABLE records (version varchar(99) PRIMARY KEY, applied_at bigint GENERATED ALWAYS AS (1) STORED)",
                "`applied_at` is generated",
            ),
        ]);
    }
    for (form, reason) in forms {
        database.execute([format!("CREATE {form}")]).await;
        let before = Inventory::of(&database).await;

        for command in ["up", "refresh", "reset"] {
            let error =
                migrate(&database, [command, "--migration-table", "records"]).expect_error();
            assert!(error.contains(reason), "{command}: {error}");
            assert!(error.contains("--migration-table NAME"), "{error}");
        }

        assert_eq!(Inventory::of(&database).await, before, "{form}");
        let kind = form.split(' ').next().expect("a word");
        database.execute([format!("DROP {kind} records")]).await;
    }
}

async fn a_domain_limits_the_names_of_migrations_too(database: Database) {
    database
        .execute([
            "CREATE DOMAIN short AS varchar(20)",
            "CREATE DOMAIN name_of_migration AS short",
            "CREATE TABLE records (version name_of_migration PRIMARY KEY, applied_at bigint)",
        ])
        .await;

    let error = migrate(&database, ["up", "--migration-table", "records"]).expect_error();

    assert!(error.contains("`version` holds 20 characters"), "{error}");
}

async fn a_row_that_names_no_migration_is_no_record(database: Database) {
    database
        .execute([
            "CREATE TABLE records (version varchar(99), applied_at bigint)",
            "INSERT INTO records (version, applied_at) VALUES (NULL, 3)",
            "INSERT INTO records (version, applied_at) VALUES ('m20250524_000000_create_documents', 1)",
            "INSERT INTO records (version, applied_at) VALUES ('m20250524_000000_create_documents', 2)",
        ])
        .await;
    let records = ["--migration-table", "records"];

    let up = migrate(&database, records.iter().chain(&["up"])).expect_success();

    assert!(
        up.contains("'m20250524_120000_create_vectors' has been applied"),
        "{up}"
    );
    for command in ["up", "status", "check", "down"] {
        migrate(&database, records.iter().chain(&[command])).expect_success();
    }
}

/// A command requires nothing that it does not need.
async fn a_table_of_records_that_takes_no_record_is_read(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database
        .execute([
            "CREATE TABLE records (version varchar(99), applied_at bigint, note varchar(9) NOT NULL)",
            "INSERT INTO records SELECT version, applied_at, '' FROM seaql_migrations",
            "CREATE TABLE untimed (version varchar(99), applied_at varchar(9))",
            "INSERT INTO untimed SELECT version, 'once' FROM seaql_migrations",
        ])
        .await;
    let with = |table: &str, arguments: &[&str]| {
        let named = ["--migration-table", table];
        migrate(&database, arguments.iter().chain(&named))
    };

    let status = with("records", &["status"]).expect_success();
    assert!(!status.contains("pending"), "{status}");
    with("untimed", &["check"]).expect_success();
    let status = with("untimed", &["status"]).expect_error();
    assert!(status.contains("not bigint"), "{status}");

    for table in ["records", "untimed"] {
        with(table, &["down"]).expect_success();
    }
}

async fn a_table_of_records_may_have_further_columns(database: Database) {
    let (domain, own) = match database.backend() {
        DbBackend::Postgres => (
            "CREATE DOMAIN stage AS varchar(9) NOT NULL DEFAULT 'test'",
            ", stage stage NOT NULL",
        ),
        DbBackend::MySql => ("SELECT 1", ", stage enum('test', 'live') NOT NULL"),
        _ => ("SELECT 1", ""),
    };
    let table = format!(
        "CREATE TABLE seaql_migrations (version varchar(99) PRIMARY KEY, applied_at bigint NOT NULL,
            note varchar(9), host varchar(9) NOT NULL DEFAULT ''{own})"
    );
    database.execute([domain, &table]).await;

    migrate(&database, ["up"]).expect_success();
}
