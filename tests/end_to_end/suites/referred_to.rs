//! A `vectors` to which other tables refer: commands that would drop it refuse beforehand, and a
//! record is deleted only with what it records.

use sea_orm::{ConnectionTrait, DbBackend};
use tokio::task::block_in_place;

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::{Database, mariadb},
    programs::{is_applied, migrate},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        nothing_is_rolled_back_where_another_table_refers_to_vectors,
        a_record_that_something_keeps_is_told,
        a_key_of_vectors_to_itself_keeps_nothing,
    ];
    if backend == DbBackend::Postgres {
        tests.extend(tests![
            nothing_is_rolled_back_where_other_objects_use_vectors,
            objects_that_use_vectors_are_named_in_an_order_in_which_they_can_be_dropped
        ]);
    }
    if backend == DbBackend::MySql {
        tests.extend(tests![
            a_server_that_checks_no_keys_drops_no_table_that_is_referred_to,
            a_table_of_another_database_is_named,
            the_record_of_a_table_that_may_not_be_dropped_stays,
        ]);
    }
    tests
}

async fn objects_that_use_vectors_are_named_in_an_order_in_which_they_can_be_dropped(
    database: Database,
) {
    migrate(&database, ["up"]).expect_success();
    database
        .execute([
            "CREATE VIEW first AS SELECT * FROM vectors",
            "CREATE VIEW second AS SELECT page FROM first",
            "CREATE MATERIALIZED VIEW third AS SELECT page FROM second",
            "CREATE TABLE checked (row jsonb CHECK ((jsonb_populate_record(NULL::vectors, row)).page > 0))",
            "CREATE TABLE log (number integer, row vectors)",
            "CREATE VIEW recent AS SELECT number FROM log",
            "CREATE TABLE audit (at integer)",
            "CREATE RULE noted AS ON INSERT TO audit DO ALSO INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[]')",
            "CREATE VIEW audited AS SELECT at FROM audit",
            "CREATE TYPE pair AS (left_one vectors, weight integer)",
            "CREATE TABLE pairs (one pair)",
            "CREATE DOMAIN counted AS vectors CHECK ((VALUE).page > 0)",
        ])
        .await;

    let error = migrate(&database, ["down", "-n", "2"]).expect_error();

    let (_, named) = error
        .split_once("drop these first, ")
        .unwrap_or_else(|| panic!("{error}"));
    let named = named.lines().next().unwrap_or_default();
    let objects: Vec<&str> = named.split(", ").collect();
    let drops = [
        ("materialized view third", "DROP MATERIALIZED VIEW third"),
        ("view second", "DROP VIEW second"),
        ("view first", "DROP VIEW first"),
        (
            "constraint checked_row_check on table checked",
            "ALTER TABLE checked DROP CONSTRAINT checked_row_check",
        ),
        ("column row of table log", "ALTER TABLE log DROP row"),
        ("rule noted on table audit", "DROP RULE noted ON audit"),
        (
            "column left_one of composite type pair",
            "ALTER TYPE pair DROP ATTRIBUTE left_one",
        ),
        ("column one of table pairs", "ALTER TABLE pairs DROP one"),
        ("type counted", "DROP DOMAIN counted"),
    ];
    assert_eq!(objects.len(), drops.len(), "{objects:?}");
    for object in objects {
        let drop = drops.iter().find(|(named, _)| *named == object);
        let (_, drop) = drop.unwrap_or_else(|| panic!("{object}"));
        database.execute([*drop]).await;
    }
    migrate(&database, ["down", "-n", "2"]).expect_success();
}

async fn nothing_is_rolled_back_where_other_objects_use_vectors(database: Database) {
    migrate(&database, ["up"]).expect_success();
    for (object, named) in [
        ("VIEW pages AS SELECT page FROM vectors", "view pages"),
        (
            "MATERIALIZED VIEW pages AS SELECT page FROM vectors",
            "materialized view pages",
        ),
        (
            "FUNCTION pages(vectors) RETURNS integer LANGUAGE sql RETURN 1",
            "function pages(vectors)",
        ),
        (
            "TABLE pages (row vectors, number integer DEFAULT nextval('vectors_id_seq'))",
            "table pages",
        ),
    ] {
        database.execute([format!("CREATE {object}")]).await;
        let before = Inventory::of(&database).await;

        for command in [
            ["down", "-n", "2"].as_slice(),
            &["down", "-n", "2", "--dry-run"],
            &["refresh"],
            &["reset"],
        ] {
            let refused = migrate(&database, command);
            assert!(
                refused.code == Some(1) && refused.stderr.contains(named),
                "{command:?}: {refused:?}"
            );
        }

        assert_eq!(Inventory::of(&database).await, before);
        let kind = object.split(" pages").next().unwrap_or_default();
        database.execute([format!("DROP {kind} pages")]).await;
    }
    migrate(&database, ["down", "-n", "2"]).expect_success();
}

const REFERRER: &str =
    "CREATE TABLE highlights (v int, FOREIGN KEY (v) REFERENCES vectors (id) ON DELETE CASCADE)";

async fn nothing_is_rolled_back_where_another_table_refers_to_vectors(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute([REFERRER]).await;
    let before = Inventory::of(&database).await;

    for command in [
        ["down", "-n", "2"].as_slice(),
        &["down", "-n", "9"],
        &["refresh"],
        &["reset"],
    ] {
        let error = migrate(&database, command).expect_error();

        assert!(
            error.contains("would take rows or a foreign key from highlights"),
            "{error}"
        );
        assert_eq!(Inventory::of(&database).await, before);
        for migration in ["create_documents", "create_vectors", "store_vector_ids"] {
            assert!(is_applied(&database, migration), "{command:?}: {migration}");
        }
    }

    database.execute(["DROP TABLE highlights"]).await;
    migrate(&database, ["refresh"]).expect_success();
    migrate(&database, ["reset"]).expect_success();
}

async fn a_key_of_vectors_to_itself_keeps_nothing(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let refer = match database.backend() {
        DbBackend::Sqlite => vec!["ALTER TABLE vectors ADD parent integer REFERENCES vectors (id)"],
        _ => vec![
            "ALTER TABLE vectors ADD parent integer",
            "ALTER TABLE vectors ADD FOREIGN KEY (parent) REFERENCES vectors (id)",
        ],
    };
    database.execute(refer).await;
    if database.backend() == DbBackend::Postgres {
        let quote = format!(
            "ALTER DATABASE {} SET quote_all_identifiers = on",
            database.name
        );
        database.execute([quote]).await;
    }

    migrate(&database, ["reset"]).expect_success();

    let gone = database
        .connect()
        .await
        .execute_unprepared("SELECT * FROM documents")
        .await;
    assert!(gone.is_err(), "documents was made with it");
}

async fn a_record_that_something_keeps_is_told(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let keep = match database.backend() {
        DbBackend::Postgres => {
            "CREATE RULE keep AS ON DELETE TO seaql_migrations DO INSTEAD NOTHING"
        }
        DbBackend::MySql => {
            "CREATE TRIGGER keep BEFORE DELETE ON seaql_migrations FOR EACH ROW
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a trigger keeps the record'"
        }
        _ => {
            "CREATE TRIGGER keep BEFORE DELETE ON seaql_migrations BEGIN SELECT RAISE(IGNORE); END"
        }
    };
    database.execute([keep]).await;

    let error = migrate(&database, ["reset"]).expect_error();

    assert!(error.contains("a trigger"), "{error}");
    assert!(is_applied(&database, "create_vectors"));
    migrate(&database, ["check"]).expect_success();
}

/// As a dump may set it for all sessions while it is loaded.
async fn a_server_that_checks_no_keys_drops_no_table_that_is_referred_to(database: Database) {
    let server = block_in_place(mariadb::start).expect("a server");
    let there = server
        .create_database(database.engine)
        .await
        .expect("a database");
    migrate(&there, ["up"]).expect_success();
    there
        .execute([REFERRER, "SET GLOBAL foreign_key_checks = 0"])
        .await;
    let before = Inventory::of(&there).await;

    let error = migrate(&there, ["down", "-n", "2"]).expect_error();

    assert!(error.contains("a foreign key from highlights"), "{error}");
    assert_eq!(Inventory::of(&there).await, before);
    assert!(is_applied(&there, "create_vectors"));
}

async fn a_table_of_another_database_is_named(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let beside = format!("{}_beside", database.name);
    database
        .execute([
            format!("CREATE DATABASE {beside}"),
            format!(
                "CREATE TABLE {beside}.highlights (v int, FOREIGN KEY (v) REFERENCES {}.vectors (id))",
                database.name
            ),
        ])
        .await;

    let error = migrate(&database, ["reset"]).expect_error();

    assert!(
        error.contains(&format!("a foreign key from {beside}.highlights")),
        "{error}"
    );
    assert!(is_applied(&database, "store_vector_ids"));
    database.execute([format!("DROP DATABASE {beside}")]).await;
}

async fn the_record_of_a_table_that_may_not_be_dropped_stays(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let user = format!("careful_{}", &database.name[..20.min(database.name.len())]);
    let password = crate::engines::USERS_PASSWORD;
    let grant = "SELECT, INSERT, UPDATE, DELETE, ALTER, CREATE, INDEX, REFERENCES";
    database
        .execute([format!(
            "GRANT {grant} ON {}.* TO '{user}'@'%' IDENTIFIED BY '{password}'",
            database.name
        )])
        .await;

    let careful = database.of_user(&user);
    let error = migrate(&careful, ["down", "-n", "2"]).expect_error();

    assert!(error.contains("DROP"), "{error}");
    assert!(is_applied(&database, "create_vectors"));
    let db = database.connect().await;
    let rows = "SELECT concat('', count(*)) FROM vectors";
    assert_eq!(lines(&db, rows).await, ["0"]);
    database.execute([format!("DROP USER '{user}'@'%'")]).await;
}
