//! Names and texts of a catalog that are SQL themselves: none of them runs, and none is lost.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use tokio::task::block_in_place;

use super::{Test, convergence::works, inventory::Inventory, shape::lines};
use crate::{
    engines::{Database, mariadb},
    programs::{Finished, client, migrate, migration, run},
    tier,
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![a_table_whose_name_is_sql_is_looked_at_and_dropped];
    tests.extend(match backend {
        DbBackend::Postgres => tests![
            the_name_of_a_foreign_key_makes_nobody_a_superuser,
            postgres_keeps_hostile_names_and_texts_and_runs_none,
            repair_drops_no_index_that_up_leaves_to_a_person,
        ],
        DbBackend::MySql => tests![
            the_name_of_a_foreign_key_drops_no_table,
            mariadb_keeps_hostile_names_and_texts_and_runs_none,
        ],
        _ => tests![
            sqlite_keeps_hostile_names_and_texts_and_runs_none,
            repair_drops_no_index_that_up_leaves_to_a_person,
        ],
    });
    tests
}

fn rounds() -> usize {
    tier::rounds(3, 40)
}

/// Pieces that end a name or a text, that a client or a driver might interpret, and whose execution
/// would be noticed.
const PIECES: [&str; 34] = [
    "\"",
    "'",
    "`",
    "\\",
    ";",
    "--",
    "/*",
    "*/",
    "#",
    "$$",
    "$1",
    "%s",
    "?",
    ":x",
    "@x",
    "{}",
    "[",
    "]",
    ".",
    ",",
    "(",
    ")",
    " ",
    "\n",
    "\t",
    "é",
    "日",
    "select",
    " ADD ",
    " FOREIGN KEY (",
    "\\'; DROP TABLE canary; -- ",
    "'; DROP TABLE canary; -- ",
    "\"; DROP TABLE canary; -- ",
    "`; DROP TABLE canary; -- ",
];

/// Returns a name that every engine accepts; its first letters make it distinct.
fn hostile(own: &str) -> String {
    const LONGEST: usize = 60;
    let mut name = own.to_owned();
    for _ in 0..fastrand::usize(1..5) {
        let piece = PIECES[fastrand::usize(..PIECES.len())];
        if name.len() + piece.len() < LONGEST {
            name += piece;
        }
    }
    // MySQL accepts none that ends in a space.
    name + "z"
}

/// Returns a literal for an engine that takes backslashes in texts literally.
fn text(plain: &str) -> String {
    format!("'{}'", plain.replace('\'', "''"))
}

/// Reports the input with which a test failed.
struct Context(String);

impl Context {
    fn of_a_seed() -> Self {
        let seed = tier::seed();
        fastrand::seed(seed);
        Self(format!("seed {seed}"))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

const CANARY: [&str; 2] = [
    "CREATE TABLE canary (alive integer)",
    "INSERT INTO canary VALUES (1)",
];

async fn assert_canary_lives(db: &DatabaseConnection) {
    let alive = "SELECT concat('', alive) FROM canary";
    assert_eq!(lines(db, alive).await, ["1"]);
}

async fn the_name_of_a_foreign_key_makes_nobody_a_superuser(database: Database) {
    let role = format!("r_{}", database.name);
    let key = format!("a\" CHECK(true);ALTER ROLE {role} SUPERUSER;--");
    let quoted = key.replace('"', "\"\"");
    database
        .execute([
            format!("CREATE ROLE {role}"),
            "CREATE TABLE documents (id serial PRIMARY KEY)".to_owned(),
            "INSERT INTO documents VALUES (1), (2), (3)".to_owned(),
            format!(
                "CREATE TABLE vectors (id serial PRIMARY KEY, doc_id integer NOT NULL,
                 page integer NOT NULL, vector_ids text NOT NULL,
                 CONSTRAINT \"{quoted}\" FOREIGN KEY (doc_id) REFERENCES documents (id) ON UPDATE CASCADE)"
            ),
        ])
        .await;

    migrate(&database, ["up"]).expect_success();

    let db = database.connect().await;
    let is_superuser = format!("SELECT rolsuper::text FROM pg_roles WHERE rolname = '{role}'");
    assert_eq!(lines(&db, &is_superuser).await, ["false"]);
    let keys = "SELECT concat(conname, ' ', confdeltype, confupdtype) FROM pg_constraint
                WHERE contype = 'f' AND conrelid = 'vectors'::regclass";
    // PostgreSQL keeps the first 63 bytes of a name.
    assert_eq!(
        lines(&db, keys).await,
        [format!("{} cc", &key[..key.len().min(63)])]
    );
    works(&database).await;
    database.execute([format!("DROP ROLE {role}")]).await;
}

async fn the_name_of_a_foreign_key_drops_no_table(database: Database) {
    let key = "a`FOREIGN KEY(doc_id)REFERENCES documents(id);DROP TABLE v;-- x";
    let quoted = key.replace('`', "``");
    database
        .execute([
            "CREATE TABLE v (id int)".to_owned(),
            "CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY)".to_owned(),
            "INSERT INTO documents VALUES (1), (2), (3)".to_owned(),
            format!(
                "CREATE TABLE vectors (id int AUTO_INCREMENT PRIMARY KEY, doc_id int NOT NULL,
                 page int NOT NULL, vector_ids longtext CHARACTER SET utf8mb4 NOT NULL,
                 CONSTRAINT `{quoted}` FOREIGN KEY (doc_id) REFERENCES documents (id) ON UPDATE CASCADE)"
            ),
        ])
        .await;

    migrate(&database, ["up"]).expect_success();

    let db = database.connect().await;
    assert!(super::shape::tables(&db).await.contains(&"v".to_owned()));
    let keys = "SELECT CAST(concat(constraint_name, ' ', delete_rule, ' ', update_rule) AS CHAR)
                FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()";
    assert_eq!(lines(&db, keys).await, [format!("{key} CASCADE CASCADE")]);
    works(&database).await;
}

/// `status` reads the revision from Alembic's table, and `fresh` drops every table.
async fn a_table_whose_name_is_sql_is_looked_at_and_dropped(database: Database) {
    let _shown_on_panic = Context::of_a_seed();
    let quote = match database.backend() {
        DbBackend::MySql => "`",
        _ => "\"",
    };
    let quoted = |name: &str| format!("{quote}{}{quote}", name.replace(quote, &quote.repeat(2)));
    let like_alembics = "a; DROP TABLE documents; -- .alembic_version";
    let names = [hostile("t"), hostile("v"), like_alembics.to_owned()];
    migrate(&database, ["up"]).expect_success();
    database
        .execute([
            format!("CREATE TABLE {} (id int)", quoted(&names[0])),
            format!(
                "CREATE VIEW {} AS SELECT id FROM {}",
                quoted(&names[1]),
                quoted(&names[0])
            ),
            format!("CREATE TABLE {} (version_num int)", quoted(&names[2])),
        ])
        .await;

    let status = migrate(&database, ["status"]).expect_success();

    assert!(!status.contains("Alembic"), "{status}");
    migrate(&database, ["check"]).expect_success();
    let name = match database.backend() {
        DbBackend::Sqlite => database
            .url
            .trim_start_matches("sqlite://")
            .replace("?mode=rwc", ""),
        _ => database.name.clone(),
    };
    run(migration()
        .arg("fresh")
        .env("DATABASE_URL", &database.url)
        .env("MIGRATION_FRESH_MAY_DROP_ALL_OF", name))
    .expect_success();
    let db = database.connect().await;
    for name in &names {
        let select = format!("SELECT * FROM {}", quoted(name));
        assert!(db.execute_unprepared(&select).await.is_err(), "{name}");
    }
    migrate(&database, ["check"]).expect_success();
}

async fn repair_drops_no_index_that_up_leaves_to_a_person(database: Database) {
    let id = match database.backend() {
        DbBackend::Postgres => "serial PRIMARY KEY",
        _ => "INTEGER PRIMARY KEY",
    };
    database
        .execute([
            &format!("CREATE TABLE documents (id {id})"),
            &format!(
                "CREATE TABLE vectors (id {id}, page integer NOT NULL, vector_ids text NOT NULL,
                 doc_id integer NOT NULL REFERENCES documents (id) ON DELETE CASCADE)"
            ),
            "CREATE UNIQUE INDEX ix_vectors_doc_id ON vectors (doc_id) WHERE page = 0",
        ])
        .await;
    let before = Inventory::of(&database).await;

    let error = migrate(&database, ["up"]).expect_error();
    let repaired = migrate(&database, ["repair"]);

    assert!(
        error.contains("drop the index or its constraint"),
        "{error}"
    );
    assert_eq!(repaired.code, Some(1), "{}", repaired.stdout);
    before.assert_kept_in(&Inventory::of(&database).await);
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn unquoted(identifier: &str) -> String {
    identifier[1..identifier.len() - 1].replace("\"\"", "\"")
}

async fn postgres_keeps_hostile_names_and_texts_and_runs_none(database: Database) {
    let mut shown_on_panic = Context::of_a_seed();
    let seed = shown_on_panic.0.clone();
    database.execute(CANARY).await;
    // Read in the same way under every setting.
    let text = |plain: &str| format!("E'{}'", plain.replace('\\', "\\\\").replace('\'', "''"));
    for round in 0..rounds() {
        let [
            schema,
            key,
            sequence,
            column,
            check,
            index,
            trigger,
            view,
            domain,
            collation,
        ] = ["s", "k", "q", "c", "h", "i", "t", "v", "d", "l"]
            .map(|own| identifier(&hostile(&format!("{own}{round}"))));
        let [comment, default, other] = ["c", "d", "o"].map(hostile);
        let on_or_off = || ["on", "off"][fastrand::usize(..2)];
        let statements = [
            format!("ALTER DATABASE {} SET standard_conforming_strings = {}", database.name, on_or_off()),
            format!("ALTER DATABASE {} SET quote_all_identifiers = {}", database.name, on_or_off()),
            format!("CREATE SCHEMA {schema}"),
            format!("SET search_path = {schema}"),
            format!("CREATE DOMAIN {domain} AS text"),
            format!("CREATE COLLATION {collation} FROM \"C\""),
            format!("CREATE SEQUENCE {sequence} AS smallint"),
            "CREATE TABLE documents (id serial PRIMARY KEY, title text)".to_owned(),
            "INSERT INTO documents (title) VALUES ('one'), ('two'), ('three')".to_owned(),
            format!(
                "CREATE TABLE vectors (id integer DEFAULT nextval({}), doc_id integer, page smallint,
                 vector_ids varchar(999) COLLATE {collation} DEFAULT {}, {column} {domain} DEFAULT {},
                 CONSTRAINT {key} FOREIGN KEY (doc_id) REFERENCES documents (id) ON UPDATE CASCADE,
                 CONSTRAINT {check} CHECK (vector_ids <> {}))",
                text(&sequence), text(&default), text(&other), text(&other)
            ),
            format!("ALTER SEQUENCE {sequence} OWNED BY vectors.id"),
            format!("CREATE INDEX {index} ON vectors (page, {column})"),
            format!("COMMENT ON CONSTRAINT {key} ON vectors IS {}", text(&comment)),
            "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'".to_owned(),
            format!("CREATE TRIGGER {trigger} AFTER INSERT ON vectors FOR EACH ROW EXECUTE FUNCTION noted()"),
            format!("CREATE VIEW {view} AS SELECT doc_id, {column} FROM vectors"),
            "INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (40, 1, 1, '[]'), (41, 3, 2, '[]')".to_owned(),
        ];
        shown_on_panic.0 = format!("{seed}, round {round}: {}", statements.join(";\n"));
        database.execute(&statements).await;
        let name = unquoted(&schema);

        migrate(&database, ["up", "-s", &name]).expect_success();

        migrate(&database, ["check", "-s", &name]).expect_success();
        let db = database.connect().await;
        assert_canary_lives(&db).await;
        let found = format!(
            "SELECT concat(conname, ' ', confupdtype, confdeltype, ' ', obj_description(oid))
             FROM pg_constraint WHERE contype = 'f' AND conrelid = {}::regclass",
            text(&format!("{schema}.vectors"))
        );
        assert_eq!(
            lines(&db, &found).await,
            [format!("{} cc {comment}", unquoted(&key))]
        );
        let defaults = format!(
            "INSERT INTO {schema}.vectors (doc_id, page) VALUES (2, 1) RETURNING concat(vector_ids, '|', {column})"
        );
        assert_eq!(lines(&db, &defaults).await, [format!("{default}|{other}")]);
        let kept = format!(
            "SELECT '' FROM {schema}.{view} JOIN pg_trigger ON tgname = {}
             JOIN pg_class ON relname = {} LIMIT 1",
            text(&unquoted(&trigger)),
            text(&unquoted(&index))
        );
        assert_eq!(lines(&db, &kept).await, [""]);

        // The script creates a table in a schema with such a name.
        database
            .execute([
                format!("DROP SCHEMA {schema} CASCADE"),
                format!("CREATE SCHEMA {schema}"),
            ])
            .await;
        let script = run(migration().args(["sql", "up", "--backend", "postgres", "-s", &name]))
            .expect_success();
        client(&database, &script).expect_success();
        migrate(&database, ["check", "-s", &name]).expect_success();
        assert_canary_lives(&db).await;
    }
}

async fn mariadb_keeps_hostile_names_and_texts_and_runs_none(database: Database) {
    const MODES: [&str; 4] = [
        "",
        "ANSI_QUOTES",
        "NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES",
        "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,IGNORE_SPACE,PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE",
    ];
    let mut shown_on_panic = Context::of_a_seed();
    let seed = shown_on_panic.0.clone();
    // Its sql_mode applies to the whole server.
    let server = block_in_place(|| mariadb::start_with(&[])).expect("a server");
    let there = server
        .create_database(database.engine)
        .await
        .expect("a database");
    there.execute(CANARY).await;
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    for round in 0..rounds() {
        let [key, column, check, index, trigger, view] =
            ["k", "c", "h", "i", "t", "v"].map(|own| quoted(&hostile(own)));
        let [comment, default, other] = ["c", "d", "o"].map(|own| text(&hostile(own)));
        let mode = MODES[fastrand::usize(..MODES.len())];
        let statements = [
            format!("SET GLOBAL sql_mode = '{mode}'"),
            // For this test's own texts.
            "SET sql_mode = 'NO_BACKSLASH_ESCAPES'".to_owned(),
            "DROP TABLE IF EXISTS vectors, documents, seaql_migrations".to_owned(),
            "CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY)".to_owned(),
            "INSERT INTO documents VALUES (1), (2), (3)".to_owned(),
            format!(
                "CREATE TABLE vectors (id int AUTO_INCREMENT PRIMARY KEY,
                 doc_id int COMMENT {comment}, page smallint DEFAULT 7 COMMENT {other} CHECK (page <> 1000 + length({other})),
                 vector_ids varchar(999) CHARACTER SET utf8mb4 DEFAULT {default} COMMENT {comment} CHECK (vector_ids <> {other}),
                 {column} varchar(99) DEFAULT {other} COMMENT {comment}, KEY {index} (page, {column}),
                 CONSTRAINT {key} FOREIGN KEY (doc_id) REFERENCES documents (id) ON UPDATE CASCADE,
                 CONSTRAINT {check} CHECK (vector_ids <> concat({other}, page))) DEFAULT CHARACTER SET utf8mb4"
            ),
            "INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (40, 1, 1, '[]'), (41, 3, 2, '[]')".to_owned(),
            format!("CREATE OR REPLACE VIEW {view} AS SELECT doc_id, {column} FROM vectors"),
            format!("CREATE TRIGGER {trigger} AFTER INSERT ON vectors FOR EACH ROW SET @noted = 1"),
        ];
        shown_on_panic.0 = format!("{seed}, round {round}: {}", statements.join(";\n"));
        there.execute(&statements).await;
        let before = Inventory::of(&there).await;
        let db = there.connect().await;
        let said = texts_of_mariadb(&db).await;

        migrate(&there, ["up"]).expect_success();

        migrate(&there, ["check"]).expect_success();
        assert_canary_lives(&db).await;
        before.assert_rows_kept_in(&Inventory::of(&there).await);
        assert_eq!(texts_of_mariadb(&db).await, said);
        works(&there).await;
        there.execute([format!("DROP VIEW {view}")]).await;

        there
            .execute(["DROP TABLE vectors, documents, seaql_migrations"])
            .await;
        let script = run(migration().args(["sql", "up", "--backend", "mysql"])).expect_success();
        client_of_an_empty_database(&there, &script).await;
    }
    server.drop_database(there).await.expect("it is dropped");
}

/// The script takes other tables for the application's.
async fn client_of_an_empty_database(there: &Database, script: &str) {
    there
        .execute(["CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY)"])
        .await;
    let applied: Finished = client(there, script);
    applied.expect_success();
    migrate(there, ["check"]).expect_success();
}

/// Returns column comments, defaults and checks, as the server itself prints them.
async fn texts_of_mariadb(db: &DatabaseConnection) -> Vec<String> {
    lines(
        db,
        "SELECT CAST(concat(column_name, column_comment, coalesce(column_default, '')) AS CHAR)
         FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'vectors'
           AND column_name NOT IN ('doc_id', 'id')
         UNION ALL SELECT CAST(concat(constraint_name, check_clause) AS CHAR)
         FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()
         UNION ALL SELECT CAST(concat('doc_id', column_comment) AS CHAR) FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name = 'vectors' AND column_name = 'doc_id'
         UNION ALL SELECT CAST(concat(constraint_name, update_rule) AS CHAR)
         FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()
         UNION ALL SELECT CAST(concat(index_name, column_name) AS CHAR) FROM information_schema.statistics
         WHERE table_schema = DATABASE() AND table_name = 'vectors' AND column_name NOT IN ('id', 'doc_id')
         UNION ALL SELECT CAST(trigger_name AS CHAR) FROM information_schema.triggers
         WHERE trigger_schema = DATABASE()",
    )
    .await
    .into_iter()
    // MariaDB prints a quote differently where a type accepts a value as default and where it
    // accepts an expression.
    .map(|line| line.replace("\\\\", "<backslash>").replace("\\'", "''"))
    .collect()
}

async fn sqlite_keeps_hostile_names_and_texts_and_runs_none(database: Database) {
    let mut shown_on_panic = Context::of_a_seed();
    let seed = shown_on_panic.0.clone();
    for round in 0..rounds() {
        database.empty().await;
        database.execute(CANARY).await;
        let [key, column, check, index, trigger, view] =
            ["k", "c", "h", "i", "t", "v"].map(|own| identifier(&hostile(own)));
        let [default, other] = ["d", "o"].map(|own| text(&hostile(own)));
        let statements = [
            "CREATE TABLE documents (id INTEGER PRIMARY KEY)".to_owned(),
            "INSERT INTO documents VALUES (1), (2), (3)".to_owned(),
            format!(
                "CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER, page INTEGER,
                 vector_ids VARCHAR(999) DEFAULT {default}, {column} TEXT DEFAULT {other},
                 CONSTRAINT {key} FOREIGN KEY (doc_id) REFERENCES documents (id) ON UPDATE CASCADE,
                 CONSTRAINT {check} CHECK (vector_ids <> {other}))"
            ),
            "INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (40, 1, 1, '[]'), (41, 3, 2, '[]')".to_owned(),
            format!("CREATE INDEX {index} ON vectors (page, {column})"),
            format!("CREATE TRIGGER {trigger} AFTER INSERT ON vectors BEGIN SELECT {other}; END"),
            format!("CREATE VIEW {view} AS SELECT doc_id, {column} FROM vectors"),
        ];
        shown_on_panic.0 = format!("{seed}, round {round}: {}", statements.join(";\n"));
        database.execute(&statements).await;
        let before = Inventory::of(&database).await;
        let db = database.connect().await;

        // What the parser does not return word for word is refused.
        let up = migrate(&database, ["up"]);

        assert_canary_lives(&db).await;
        before.assert_kept_in(&Inventory::of(&database).await);
        if up.code != Some(0) {
            let error = up.expect_error();
            assert!(error.contains("its tables were not changed"), "{error}");
            continue;
        }
        migrate(&database, ["check"]).expect_success();
        let defaults = "INSERT INTO vectors (doc_id, page) VALUES (2, 1)";
        db.execute_unprepared(defaults).await.expect(defaults);
        let same = format!(
            "SELECT concat('', count(*)) FROM vectors WHERE vector_ids = {default} AND {column} = {other}"
        );
        assert_eq!(lines(&db, &same).await, ["1"]);
        works(&database).await;
    }
}
