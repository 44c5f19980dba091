//! SQLite's rebuilt table: its statement keeps everything that is not fixed to the letter, and each
//! row keeps its values.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::{Test, shape::lines};
use crate::{engines::Database, programs::migrate};

pub fn tests() -> Vec<Test> {
    tests![
        every_part_of_the_statement_is_kept_to_the_letter,
        a_statement_in_odd_words_is_mended,
        rows_without_an_id_are_compared_with_their_new_numbers,
        what_a_rebuild_would_change_is_named_and_refused,
        a_default_that_only_another_program_computes_stops_no_rebuild,
        a_table_of_almost_two_thousand_columns_is_rebuilt,
    ]
}

async fn a_table_of_almost_two_thousand_columns_is_rebuilt(database: Database) {
    let further: Vec<String> = (0..1990).map(|at| format!("c{at} INTEGER")).collect();
    let legacy = format!(
        "CREATE TABLE vectors (id INTEGER NOT NULL PRIMARY KEY, doc_id INTEGER NOT NULL REFERENCES documents (id), \
         page INTEGER NOT NULL, vector_ids TEXT NOT NULL, {})",
        further.join(", ")
    );
    database.execute([DOCUMENTS, &legacy]).await;
    database
        .execute(["INSERT INTO vectors (doc_id, page, vector_ids, c1989) VALUES (1, 1, '[]', 7)"])
        .await;

    migrate(&database, ["up"]).expect_success();

    migrate(&database, ["check"]).expect_success();
    let db = database.connect_once().await;
    let last = "SELECT CAST(c1989 AS text) FROM vectors";
    assert_eq!(lines(&db, last).await, ["7"]);
}

async fn a_default_that_only_another_program_computes_stops_no_rebuild(database: Database) {
    let legacy = "CREATE TABLE vectors (id INTEGER NOT NULL PRIMARY KEY, doc_id INTEGER NOT NULL REFERENCES documents (id), \
                  page INTEGER NOT NULL, vector_ids TEXT NOT NULL, written TEXT DEFAULT (written_at()))";
    database.execute([DOCUMENTS, legacy]).await;
    database
        .execute([
            "INSERT INTO vectors (doc_id, page, vector_ids, written) VALUES (1, 1, '[]', 'x')",
        ])
        .await;

    migrate(&database, ["up"]).expect_success();

    migrate(&database, ["check"]).expect_success();
    let db = database.connect_once().await;
    assert_eq!(lines(&db, "SELECT written FROM vectors").await, ["x"]);
}

const DOCUMENTS: &str = "CREATE TABLE documents (id INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO documents (title) VALUES ('one'), ('two'), ('three');";

/// Further text that a table of ours may have: lines between its parentheses, and after them.
const KEPT: [(&str, &str); 22] = [
    (
        "flags INTEGER NOT NULL DEFAULT 0x10, low INTEGER AS (flags & 0x0F) STORED, CHECK (flags <= 0xFF)",
        "",
    ),
    (
        "extra BLOB DEFAULT x'0f', CHECK (extra IS NULL OR extra <> X'FF')",
        "",
    ),
    (
        "extra REAL DEFAULT 1e3, other REAL DEFAULT .5, third REAL DEFAULT -1.5E-3, CHECK (other < 1e10)",
        "",
    ),
    (
        "extra INTEGER DEFAULT +7, other INTEGER DEFAULT - 7, third DEFAULT TRUE, fourth DEFAULT NULL",
        "",
    ),
    (
        "extra TEXT DEFAULT CURRENT_TIMESTAMP, other TEXT DEFAULT (strftime('%s', 'now') || ')')",
        "",
    ),
    (
        "extra TEXT DEFAULT 'it''s \"so\"', other TEXT DEFAULT \"so\", CHECK (extra <> 'a -- b')",
        "",
    ),
    (
        "\"order\" INTEGER, [group by] TEXT, `a``b` TEXT, \"a\"\"b\" TEXT, CHECK (\"order\" > 0 AND [group by] <> '')",
        "",
    ),
    (
        "extra TEXT COLLATE NOCASE UNIQUE, other TEXT COLLATE \"RTRIM\"",
        "",
    ),
    (
        "extra INTEGER GENERATED ALWAYS AS (page * 2) VIRTUAL, other TEXT AS (lower(vector_ids)) STORED NOT NULL",
        "",
    ),
    (
        "extra TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'x', other TEXT UNIQUE ON CONFLICT IGNORE",
        "",
    ),
    (
        "extra TEXT, UNIQUE (doc_id, extra COLLATE BINARY DESC) ON CONFLICT REPLACE",
        "",
    ),
    (
        "extra INTEGER CONSTRAINT mine CHECK (extra > 0) CONSTRAINT \"not mine\" NOT NULL DEFAULT 1",
        "",
    ),
    (
        "extra INTEGER REFERENCES documents ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED",
        "",
    ),
    (
        "extra INTEGER, FOREIGN KEY (extra) REFERENCES documents (id) ON DELETE SET DEFAULT MATCH FULL NOT DEFERRABLE INITIALLY IMMEDIATE",
        "",
    ),
    (
        "extra DECIMAL(10, 2), other VARCHAR (9), third UNSIGNED BIG INT, fourth",
        "",
    ),
    (
        "extra TEXT CHECK (extra GLOB '[a-z]*' OR extra LIKE '10!%' ESCAPE '!' OR extra IS NOT DISTINCT FROM 'x')",
        "",
    ),
    (
        "extra TEXT CHECK (json_valid(extra)), CHECK (CASE WHEN page IN (1, 2) THEN 1 ELSE page BETWEEN 0 AND 99 END)",
        "",
    ),
    (
        "extra INTEGER CHECK (extra << 2 >> 1 | 4 & ~1 <> 3 AND extra IS NOT 9 AND extra == 4 OR extra NOTNULL)",
        "",
    ),
    ("extra INTEGER -- a comment, with ( and '\n", ""),
    (
        "extra INTEGER /* another, /* with ) */, other TEXT -- and the last\n",
        "",
    ),
    (
        "extra ANY, other INT CHECK (typeof(extra) <> 'blob')",
        "STRICT",
    ),
    ("naïve TEXT, \"größe\" INTEGER, dollar$ TEXT", ""),
];

async fn every_part_of_the_statement_is_kept_to_the_letter(database: Database) {
    for (kept, options) in KEPT {
        database.empty().await;
        let statement = format!(
            "CREATE TABLE vectors (id INTEGER PRIMARY KEY AUTOINCREMENT, doc_id INTEGER NOT NULL,\n\
             page INTEGER, vector_ids TEXT NOT NULL, {kept}) {options};"
        );
        let rows =
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[\"A\"]'), (3, 2, '[]')";
        // Some of these have a column that requires a value.
        database
            .execute([
                DOCUMENTS,
                &statement,
                &rows.replace("INSERT", "INSERT OR IGNORE"),
            ])
            .await;
        let before = all_of(&database.connect().await).await;

        migrate(&database, ["up"]).expect_success();

        let db = database.connect().await;
        let now = lines(&db, "SELECT sql FROM sqlite_schema WHERE name = 'vectors'").await;
        // The key that was added comes before a comment at the end.
        for part in kept.split_inclusive(" -- ").map(str::trim) {
            assert!(
                now[0].contains(part.trim_end_matches(" --")),
                "{kept}: {}",
                now[0]
            );
        }
        assert!(
            now[0].ends_with(&format!(") {options}")) || options.is_empty(),
            "{}",
            now[0]
        );
        assert_eq!(all_of(&db).await, before, "{kept}");
        db.close().await.expect("it closes");
        migrate(&database, ["check"]).expect_success();
    }
}

/// Returns every value of every column, including generated ones, with its type.
async fn all_of(db: &DatabaseConnection) -> Vec<String> {
    let columns = lines(
        db,
        "SELECT name FROM pragma_table_xinfo('vectors') ORDER BY cid",
    )
    .await;
    let value = |name: &String| {
        let name = format!("\"{}\"", name.replace('"', "\"\""));
        format!("typeof({name}) || quote({name})")
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let sql = format!(
        "SELECT {} FROM vectors ORDER BY page, vector_ids",
        values.join(" || ',' || ")
    );
    lines(db, &sql).await
}

/// Statements as other programs write them, and what the fixed one has to contain.
const ODD: [(&str, &str); 7] = [
    (
        "create table [Vectors] ('id' int not null, \"DOC_ID\" int, page int null, `vector_ids` text, constraint pk primary key (id))",
        "'id' INTEGER constraint pk PRIMARY KEY AUTOINCREMENT not null, \"DOC_ID\" int NOT NULL, page int NOT NULL, `vector_ids` text NOT NULL, CONSTRAINT \"vectors_doc",
    ),
    (
        "CREATE TABLE vectors (id INT PRIMARY KEY DESC ON CONFLICT REPLACE, doc_id INTEGER NOT NULL, page INTEGER NOT NULL, vector_ids TEXT NOT NULL)",
        "(id INTEGER NOT NULL PRIMARY KEY ON CONFLICT REPLACE AUTOINCREMENT",
    ),
    (
        "CREATE TABLE vectors (id INTEGER UNIQUE, doc_id INTEGER NOT NULL, page INTEGER NOT NULL, vector_ids TEXT NOT NULL, UNIQUE (doc_id, id) CHECK (page < 9))",
        "UNIQUE (doc_id, id) CHECK (page < 9), CONSTRAINT \"vectors_doc_id_fkey\" FOREIGN KEY",
    ),
    (
        "CREATE TABLE vectors (id INTEGER NOT NULL, doc_id INTEGER NOT NULL, page INTEGER NOT NULL, vector_ids TEXT NOT NULL, PRIMARY KEY (id) CHECK (page < 9)) WITHOUT ROWID, STRICT",
        "CHECK (page < 9), CONSTRAINT \"vectors_doc_id_fkey\" FOREIGN KEY (\"doc_id\") REFERENCES \"documents\" (\"id\") ON DELETE CASCADE)  STRICT",
    ),
    (
        "CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER NOT NULL REFERENCES \"documents\"(id) ON DELETE SET NULL ON UPDATE RESTRICT ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED, page INTEGER NOT NULL, vector_ids TEXT NOT NULL)",
        "REFERENCES \"documents\"(id) ON DELETE CASCADE ON UPDATE RESTRICT ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
    ),
    (
        "CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER NOT NULL, page SMALLINT /* narrow */ NOT NULL, vector_ids VARCHAR (99) NOT NULL, CONSTRAINT fk FOREIGN KEY (\"doc_id\") REFERENCES Documents DEFERRABLE)",
        "page INTEGER /* narrow */ NOT NULL, vector_ids TEXT NOT NULL, CONSTRAINT fk FOREIGN KEY (\"doc_id\") REFERENCES Documents ON DELETE CASCADE DEFERRABLE)",
    ),
    (
        "CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER NOT NULL, page INTEGER -- of the document\n, vector_ids TEXT NOT NULL -- the last, with )\n)",
        "page INTEGER NOT NULL -- of the document\n, vector_ids TEXT NOT NULL, CONSTRAINT \"vectors_doc_id_fkey\" FOREIGN KEY (\"doc_id\") REFERENCES \"documents\" (\"id\") ON DELETE CASCADE -- the last, with )\n)",
    ),
];

async fn a_statement_in_odd_words_is_mended(database: Database) {
    for (statement, said) in ODD {
        database.empty().await;
        let rows = "INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES (4, 1, 1, '[\"A\"]'), (9, 3, 2, '[]')";
        database.execute([DOCUMENTS, statement, rows]).await;
        let before = all_of(&database.connect().await).await;

        migrate(&database, ["up"]).expect_success();

        let db = database.connect().await;
        let now = lines(&db, "SELECT sql FROM sqlite_schema WHERE name = 'vectors'").await;
        assert!(now[0].contains(said), "{statement}: {}", now[0]);
        assert_eq!(all_of(&db).await, before, "{statement}");
        db.close().await.expect("it closes");
        migrate(&database, ["check"]).expect_success();
    }
}

async fn rows_without_an_id_are_compared_with_their_new_numbers(database: Database) {
    let table = "CREATE TABLE vectors (id SERIAL PRIMARY KEY, doc_id INTEGER NOT NULL, page INTEGER NOT NULL, vector_ids TEXT NOT NULL)";
    let rows = "INSERT INTO vectors (id, doc_id, page, vector_ids)
        VALUES (NULL, 1, 1, 'a'), (7, 1, 2, 'b'), (NULL, 3, 3, 'c'), (3, 3, 4, 'd'), (NULL, 3, 5, 'e')";
    database.execute([DOCUMENTS, table, rows]).await;

    migrate(&database, ["up"]).expect_success();

    let db = database.connect().await;
    let now = "SELECT id || vector_ids FROM vectors ORDER BY page";
    assert_eq!(lines(&db, now).await, ["8a", "7b", "9c", "3d", "10e"]);
}

async fn what_a_rebuild_would_change_is_named_and_refused(database: Database) {
    let legacy = include_str!("../../shapes/sqlite/values_of_another_type.sql");
    database.execute([legacy]).await;
    let db = database.connect().await;
    let before = all_of(&db).await;

    let error = Migrator::up(&db, None).await.expect_err("texts in it");

    let error = error.to_string();
    assert!(
        error.contains("its tables were not changed")
            && error.contains("TEXT value in vectors.model (2 times)"),
        "{error}"
    );
    assert_eq!(all_of(&db).await, before);
    let tables = "SELECT name FROM sqlite_schema WHERE name LIKE 'vectors%'";
    assert_eq!(lines(&db, tables).await, ["vectors"]);
    db.execute_unprepared("UPDATE vectors SET model = 'v' || model")
        .await
        .expect("texts that are no numbers");
    Migrator::up(&db, None).await.expect("nothing would change");
}
