//! "As declared" means that the entities work. If an INSERT of theirs fails or what it has stored
//! cannot be read, `check` reports that; what does not disturb them is no difference.

use entity::prelude::*;
use sea_orm::{DatabaseConnection, DbBackend, EntityTrait};

use super::{
    Test,
    pages::{migrated, page},
    script::script,
};
use crate::{
    engines::Database,
    programs::{client, migrate},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![what_hinders_an_insert_is_found_and_nothing_else];
    match backend {
        DbBackend::Postgres => tests.extend(tests![
            a_sequence_that_may_not_be_read_is_unknown_and_the_rest_is_compared,
            rows_that_row_level_security_hides_are_unknown,
        ]),
        DbBackend::MySql => tests.extend(tests![foreign_keys_that_are_hidden_are_unknown]),
        _ => {}
    }
    tests.extend(tests![parts_of_a_missing_column_are_not_ok]);
    tests
}

/// A change of the declared tables, what `check` finds, and whether the entities can still record
/// pages and read them.
struct Case {
    given: &'static str,
    /// Empty if it is as declared.
    finds: &'static str,
    pages: Pages,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pages {
    Recorded,
    Refused,
}

use Pages::{Recorded, Refused};

const fn case(given: &'static str, finds: &'static str, pages: Pages) -> Case {
    Case {
        given,
        finds,
        pages,
    }
}

const OF_POSTGRES: [Case; 40] = [
    case("ALTER SEQUENCE vectors_id_seq MAXVALUE 2", "vectors_id_seq ends at 2", Refused),
    case("ALTER SEQUENCE vectors_id_seq MAXVALUE 9000", "vectors_id_seq ends at 9000", Recorded),
    case("ALTER SEQUENCE vectors_id_seq MAXVALUE 2 CYCLE", "vectors_id_seq ends at 2 and begins again at its end", Refused),
    case("ALTER SEQUENCE vectors_id_seq CYCLE", "vectors_id_seq begins again at its end", Recorded),
    case("ALTER SEQUENCE vectors_id_seq INCREMENT BY 10", "", Recorded),
    case("ALTER SEQUENCE vectors_id_seq INCREMENT BY 1000000000; SELECT setval('vectors_id_seq', 2000000000)",
         "the next number of vectors_id_seq is 3000000000, the largest id 2; id ends at 2147483647", Refused),
    case("ALTER SEQUENCE vectors_id_seq INCREMENT BY -1", "the next number of vectors_id_seq is 1, the largest id 2", Refused),
    case("ALTER SEQUENCE vectors_id_seq INCREMENT BY -1", "vectors_id_seq counts down", Refused),
    case("ALTER SEQUENCE vectors_id_seq MINVALUE -100 START -1 RESTART -1", "the next number of vectors_id_seq is -1", Refused),
    case("ALTER SEQUENCE vectors_id_seq AS bigint RESTART 9223372036854775807; SELECT nextval('vectors_id_seq')",
         "vectors_id_seq has no number left, the largest id 2; id ends at 2147483647", Refused),
    case("ALTER SEQUENCE vectors_id_seq AS bigint", "", Recorded),
    case("SELECT setval('vectors_id_seq', 1, false)", "the next number of vectors_id_seq is 1", Refused),
    case("SELECT setval('vectors_id_seq', 2147483647)", "the next number of vectors_id_seq is 2147483648", Refused),
    case("INSERT INTO vectors VALUES (2147483647, 1, 1, '[]'); SELECT setval('vectors_id_seq', 2147483646)",
         "the next number of vectors_id_seq is 2147483647, the largest id 2147483647", Refused),
    case("ALTER SEQUENCE vectors_id_seq OWNED BY NONE", "", Recorded),
    case("ALTER TABLE vectors ALTER id DROP DEFAULT; DROP SEQUENCE vectors_id_seq;
          ALTER TABLE vectors ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 3 MAXVALUE 4)",
         "vectors_id_seq ends at 4", Refused),
    case("CREATE UNIQUE INDEX u ON vectors (doc_id, (page % 10))", "u allows one row for each (doc_id, (page % 10))", Refused),
    case("CREATE UNIQUE INDEX u ON vectors (md5(vector_ids))", "u allows one row for each (md5(vector_ids))", Refused),
    case("CREATE UNIQUE INDEX u ON vectors (doc_id) WHERE page > 5", "u allows one row for each (doc_id)", Refused),
    case("DELETE FROM vectors; CREATE UNIQUE INDEX u ON vectors (doc_id) INCLUDE (id)", "u allows one row for each (doc_id)", Refused),
    case("CREATE UNIQUE INDEX u ON vectors (doc_id, id)", "", Recorded),
    case("ALTER TABLE vectors ADD CONSTRAINT x EXCLUDE USING btree (doc_id WITH =, page WITH =)",
         "x allows one row for each (doc_id, page)", Refused),
    case("ALTER TABLE vectors ADD external text, ADD UNIQUE (doc_id, external)", "", Recorded),
    case("DELETE FROM vectors; ALTER TABLE vectors ADD external text UNIQUE NULLS NOT DISTINCT", "allows one row for each (external)", Refused),
    case("DELETE FROM vectors; ALTER TABLE vectors ADD model text DEFAULT 'v1', ADD UNIQUE (doc_id, model)", "allows one row for each (doc_id, model)", Refused),
    case("ALTER TABLE vectors ADD token uuid NOT NULL UNIQUE DEFAULT gen_random_uuid()", "", Recorded),
    case("ALTER TABLE vectors ADD external text; CREATE UNIQUE INDEX ON vectors (lower(external))", "", Recorded),
    case("DELETE FROM vectors; ALTER TABLE vectors ADD tens integer GENERATED ALWAYS AS (page / 10) STORED; CREATE UNIQUE INDEX u ON vectors (doc_id, tens)",
         "u allows one row for each (doc_id, tens)", Refused),
    case("DELETE FROM vectors; ALTER TABLE vectors ADD model varchar(9) NOT NULL DEFAULT NULL", "model is NOT NULL and has no default", Refused),
    case("DELETE FROM vectors; CREATE DOMAIN model AS text NOT NULL; CREATE DOMAIN large AS model; ALTER TABLE vectors ADD model large",
         "model is NOT NULL and has no default", Refused),
    case("CREATE DOMAIN model AS text NOT NULL DEFAULT 'v1'; ALTER TABLE vectors ADD model model", "", Recorded),
    case("DELETE FROM vectors; ALTER TABLE vectors ADD model text CHECK (model IS NOT NULL)", "model is NOT NULL and has no default", Refused),
    case("DELETE FROM vectors; ALTER TABLE vectors ADD model text NOT NULL;
          CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.model := 'v1'; RETURN NEW; END $$;
          CREATE TRIGGER fill BEFORE INSERT ON vectors FOR EACH ROW EXECUTE FUNCTION fill()",
         "", Recorded),
    case("DELETE FROM vectors; ALTER TABLE vectors ADD model text NOT NULL;
          CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.model := 'v1'; RETURN NEW; END $$;
          CREATE TRIGGER fill BEFORE INSERT ON vectors FOR EACH ROW EXECUTE FUNCTION fill();
          ALTER TABLE vectors DISABLE TRIGGER fill",
         "model is NOT NULL and has no default", Refused),
    case("DELETE FROM vectors; ALTER TABLE vectors ADD model text NOT NULL;
          CREATE FUNCTION require() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.model = '' THEN RETURN NULL; END IF; RETURN NEW; END $$;
          CREATE TRIGGER require BEFORE INSERT ON vectors FOR EACH ROW EXECUTE FUNCTION require()",
         "model is NOT NULL and has no default", Refused),
    case("ALTER TABLE vectors SET UNLOGGED; ALTER TABLE documents SET UNLOGGED", "", Recorded),
    case("ALTER TABLE vectors ADD model text NOT NULL DEFAULT 'v1' CHECK (model <> '')", "", Recorded),
    case("ALTER TABLE vectors ADD long bigint NOT NULL GENERATED ALWAYS AS IDENTITY", "", Recorded),
    case("CREATE RULE quiet AS ON INSERT TO vectors DO INSTEAD NOTHING", "the rule quiet replaces INSERTs", Refused),
    case("CREATE INDEX extra ON vectors (vector_ids COLLATE \"C\")", "", Recorded),
];

const OF_MARIADB: [Case; 19] = [
    case(
        "INSERT INTO vectors VALUES (2147483647, 1, 1, '[]')",
        "the largest id 2147483647; id ends at 2147483647",
        Refused,
    ),
    case(
        "INSERT INTO vectors VALUES (2147483647, 1, 1, '[]'); DELETE FROM vectors WHERE id = 2147483647",
        "id ends at 2147483647",
        Refused,
    ),
    case("UPDATE vectors SET id = 5 WHERE id = 2", "", Recorded),
    case("ALTER TABLE vectors AUTO_INCREMENT = 100", "", Recorded),
    case(
        "CREATE UNIQUE INDEX u ON vectors (vector_ids(3))",
        "u allows one row for each (vector_ids(3))",
        Refused,
    ),
    case(
        "CREATE UNIQUE INDEX u ON vectors (doc_id, vector_ids(3))",
        "u allows one row for each (doc_id, vector_ids(3))",
        Refused,
    ),
    case(
        "CREATE UNIQUE INDEX u ON vectors (id, vector_ids(3))",
        "",
        Recorded,
    ),
    case(
        "DELETE FROM vectors; ALTER TABLE vectors ADD tens int AS (page DIV 10) VIRTUAL, ADD UNIQUE u (doc_id, tens)",
        "u allows one row for each (doc_id, tens)",
        Refused,
    ),
    case(
        "DELETE FROM vectors; ALTER TABLE vectors ADD model varchar(9) DEFAULT 'v1', ADD UNIQUE u (doc_id, model)",
        "u allows one row for each (doc_id, model)",
        Refused,
    ),
    case(
        "ALTER TABLE vectors ADD external varchar(9), ADD UNIQUE u (doc_id, external)",
        "",
        Recorded,
    ),
    case(
        "ALTER TABLE vectors ADD token uuid NOT NULL DEFAULT uuid(), ADD UNIQUE (token)",
        "",
        Recorded,
    ),
    case(
        "DELETE FROM vectors; ALTER TABLE vectors ADD model varchar(9) NOT NULL",
        "model is NOT NULL and has no default",
        Refused,
    ),
    case(
        "DELETE FROM vectors; ALTER TABLE vectors ADD model varchar(9) NOT NULL;
          CREATE TRIGGER fill BEFORE INSERT ON vectors FOR EACH ROW SET NEW.model = 'v1'",
        "",
        Recorded,
    ),
    case(
        "DELETE FROM vectors; ALTER TABLE vectors ADD model varchar(9) NOT NULL;
          CREATE TRIGGER noted BEFORE INSERT ON vectors FOR EACH ROW SET @seen = NEW.model",
        "model is NOT NULL and has no default",
        Refused,
    ),
    case(
        "DELETE FROM vectors; ALTER TABLE vectors ADD model varchar(9) CHECK (model IS NOT NULL)",
        "model is NOT NULL and has no default",
        Refused,
    ),
    case(
        "CREATE SEQUENCE numbers; ALTER TABLE vectors ADD number bigint NOT NULL DEFAULT nextval(numbers), ADD UNIQUE (number)",
        "",
        Recorded,
    ),
    case(
        "ALTER TABLE vectors ADD model varchar(9) NOT NULL DEFAULT 'v1' CHECK (model <> '')",
        "",
        Recorded,
    ),
    case(
        "ALTER TABLE vectors ADD CONSTRAINT c CHECK (page >= 0)",
        "",
        Recorded,
    ),
    case(
        "ALTER TABLE vectors ADD INDEX extra (vector_ids(10))",
        "",
        Recorded,
    ),
];

const OF_SQLITE: [Case; 17] = [
    case("UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'vectors'",
         "vectors.id has no number left, the largest id 2; id ends at 2147483647", Refused),
    case("UPDATE sqlite_sequence SET seq = 2147483647 WHERE name = 'vectors'",
         "the next number of vectors.id is 2147483648, the largest id 2; id ends at 2147483647", Refused),
    case("INSERT INTO vectors VALUES (2147483647, 1, 1, '[]')", "the next number of vectors.id is 2147483648, the largest id 2147483647", Refused),
    case("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'vectors'", "", Recorded),
    case("CREATE UNIQUE INDEX u ON vectors (doc_id, page % 10)", "u allows one row for each (doc_id, an expression of (doc_id, page % 10))", Refused),
    case("CREATE UNIQUE INDEX u ON vectors (length(vector_ids))", "u allows one row for each (an expression of (length(vector_ids)))", Refused),
    case("CREATE UNIQUE INDEX u ON vectors (doc_id) WHERE page > 5", "u allows one row for each (doc_id)", Refused),
    case("CREATE UNIQUE INDEX u ON vectors (vector_ids COLLATE NOCASE)", "u allows one row for each", Refused),
    case("CREATE UNIQUE INDEX u ON vectors (page, id)", "", Recorded),
    case("ALTER TABLE vectors ADD external TEXT; CREATE UNIQUE INDEX u ON vectors (doc_id, external)", "", Recorded),
    case("DELETE FROM vectors; ALTER TABLE vectors ADD model TEXT DEFAULT 'v1'; CREATE UNIQUE INDEX u ON vectors (doc_id, model)", "u allows one row for each (doc_id, model)", Refused),
    case("DROP INDEX ix_vectors_doc_id; CREATE INDEX ix_vectors_doc_id ON vectors (doc_id COLLATE NOCASE)", "no index leads with doc_id", Recorded),
    case("DROP INDEX ix_vectors_doc_id; CREATE INDEX ix_vectors_doc_id ON vectors (doc_id COLLATE BINARY)", "", Recorded),
    case("DROP TABLE vectors; CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            page INTEGER NOT NULL, vector_ids TEXT NOT NULL, model TEXT NOT NULL DEFAULT (NULL));
          CREATE INDEX ix_vectors_doc_id ON vectors (doc_id)",
         "model is NOT NULL and has no default", Refused),
    case("DROP TABLE vectors; CREATE TABLE vectors (id INT PRIMARY KEY, doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            page INTEGER NOT NULL, vector_ids TEXT NOT NULL);
          CREATE INDEX ix_vectors_doc_id ON vectors (doc_id)",
         "id gets no number of itself", Refused),
    case("DROP TABLE vectors; CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            page INTEGER NOT NULL, vector_ids TEXT NOT NULL) STRICT;
          CREATE INDEX ix_vectors_doc_id ON vectors (doc_id)",
         "", Recorded),
    case("DROP TABLE vectors; CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            page INTEGER NOT NULL, vector_ids TEXT NOT NULL) WITHOUT ROWID;
          CREATE INDEX ix_vectors_doc_id ON vectors (doc_id)",
         "id gets no number of itself", Refused),
];

async fn what_hinders_an_insert_is_found_and_nothing_else(database: Database) {
    let cases: &[Case] = match database.backend() {
        DbBackend::Postgres => &OF_POSTGRES,
        DbBackend::MySql => &OF_MARIADB,
        _ => &OF_SQLITE,
    };
    // It takes a fraction of the time of `up`.
    let script = script(&database, &[]);
    let mut wrong = Vec::new();
    for case in cases {
        database.empty().await;
        client(&database, &script).expect_success();
        let db = database.connect().await;
        let given = [
            "INSERT INTO documents (id) VALUES (1), (2)",
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[\"a\"]'), (1, 2, '[\"bb\"]')",
            case.given,
        ];
        database.execute(given).await;

        let check = migrate(&database, ["check"]);

        let is_found = match case.finds {
            "" => check.code == Some(0),
            finds => check.code == Some(1) && check.stdout.contains(finds),
        };
        let pages = pages(&db).await;
        if !is_found || pages != case.pages {
            wrong.push(format!(
                "{}\n{pages:?}, exit status {:?}\n{}{}",
                case.given, check.code, check.stdout, check.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Records pages with several rows each, as large documents have them.
async fn pages(db: &DatabaseConnection) -> Pages {
    let recorded = [(7, "c"), (7, "C"), (17, "c")].map(|(number, id)| page(number, &[id]));
    let recorded = Vectors::record_pages(db, 2, recorded).await;
    let rows = Vectors::find().all(db).await;
    let is_stored = rows.is_ok_and(|rows| rows.iter().filter(|row| row.doc_id == 2).count() == 3);
    match recorded.is_ok() && is_stored {
        true => Recorded,
        false => Refused,
    }
}

/// Returns the database for a role with only these rights.
async fn role(database: &Database, grants: &[&str]) -> Database {
    let name = format!("seer_{}", database.name);
    let create = format!(
        "CREATE ROLE {name} LOGIN PASSWORD '{}'",
        crate::engines::USERS_PASSWORD
    );
    let grants = grants
        .iter()
        .map(|grant| format!("GRANT {grant} TO {name}"));
    database
        .execute(std::iter::once(create).chain(grants))
        .await;
    database.of_user(&name)
}

async fn drop_role(database: &Database) {
    let name = format!("seer_{}", database.name);
    database
        .execute([format!("DROP OWNED BY {name}"), format!("DROP ROLE {name}")])
        .await;
}

async fn a_sequence_that_may_not_be_read_is_unknown_and_the_rest_is_compared(database: Database) {
    migrated(&database).await;
    let role = role(&database, &["SELECT ON documents, vectors"]).await;

    let check = migrate(&role, ["check"]);
    assert_eq!(check.code, Some(2), "{check:?}");
    assert!(
        check.stdout.contains("unknown  auto-increment"),
        "{check:?}"
    );
    assert!(
        check.stdout.contains("permission denied for sequence"),
        "{check:?}"
    );
    assert!(check.stdout.contains("1 part is unknown"), "{check:?}");

    database.execute(["DROP INDEX ix_vectors_doc_id"]).await;
    let check = migrate(&role, ["check"]);
    assert_eq!(check.code, Some(2), "{check:?}");
    assert!(
        check.stdout.contains("no index leads with doc_id"),
        "{check:?}"
    );
    assert!(
        check.stdout.contains("1 difference, 1 part is unknown"),
        "{check:?}"
    );

    let json = migrate(&role, ["check", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["unknown"][0]["part"], "auto-increment", "{json}");
    drop_role(&database).await;
}

async fn rows_that_row_level_security_hides_are_unknown(database: Database) {
    migrated(&database).await;
    let role = role(&database, &["SELECT ON documents, vectors, vectors_id_seq"]).await;
    database
        .execute([
            "ALTER TABLE vectors ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE vectors ALTER page DROP NOT NULL",
        ])
        .await;

    let check = migrate(&role, ["check"]);

    assert_eq!(check.code, Some(2), "{check:?}");
    assert!(
        check.stdout.contains("row-level security may hide rows"),
        "{check:?}"
    );
    assert!(check.stdout.contains("page may be NULL"), "{check:?}");
    drop_role(&database).await;
}

async fn foreign_keys_that_are_hidden_are_unknown(database: Database) {
    migrated(&database).await;
    let name = format!("seer_{}", database.name);
    let grant = |table: &str| format!("GRANT SELECT ON {}.{table} TO '{name}'@'%'", database.name);
    database
        .execute([
            format!(
                "CREATE USER '{name}'@'%' IDENTIFIED BY '{}'",
                crate::engines::USERS_PASSWORD
            ),
            grant("documents"),
            grant("vectors"),
        ])
        .await;

    let check = migrate(&database.of_user(&name), ["check"]);

    assert_eq!(check.code, Some(2), "{check:?}");
    assert!(check.stdout.contains("unknown  foreign key"), "{check:?}");
    assert!(check.stdout.contains("grant it REFERENCES"), "{check:?}");
    assert!(check.stdout.contains("ok       rows"), "{check:?}");
    database.execute([format!("DROP USER '{name}'@'%'")]).await;
}

async fn parts_of_a_missing_column_are_not_ok(database: Database) {
    migrated(&database).await;
    let drop = match database.backend() {
        DbBackend::Sqlite => {
            "DROP TABLE vectors; CREATE TABLE vectors (id INTEGER PRIMARY KEY, page INTEGER NOT NULL, vector_ids TEXT NOT NULL)"
        }
        DbBackend::MySql => {
            "ALTER TABLE vectors DROP FOREIGN KEY vectors_doc_id_fkey, DROP COLUMN doc_id"
        }
        _ => "ALTER TABLE vectors DROP COLUMN doc_id",
    };
    database.execute([drop]).await;

    let check = migrate(&database, ["check"]);

    assert_eq!(check.code, Some(1), "{check:?}");
    for part in ["doc_id", "index", "foreign key", "rows"] {
        let line = format!("differs  {part} ");
        assert!(check.stdout.contains(&line), "{part}: {}", check.stdout);
    }
    for part in ["page", "primary key", "auto-increment"] {
        let line = format!("ok       {part} ");
        assert!(check.stdout.contains(&line), "{part}: {}", check.stdout);
    }
}
