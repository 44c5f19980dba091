//! Values that cannot be read, at each position.

use std::{collections::BTreeMap, path::Path, process::Command};

use entity::{
    VectorIds,
    audit::{Audit, Event, Finding},
};
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

use super::{audit, finding, insert, migrated, object};
use crate::{
    engines::{Database, workspace},
    programs::{migrate, migration, run, runner},
    suites::Test,
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        damage_at_each_position_is_found_where_it_is,
        a_text_that_is_not_utf8_is_a_finding_and_the_rest_is_read,
        check_says_that_it_reads_no_values,
        what_cannot_be_read_at_all_is_exit_status_2,
    ];
    if backend == DbBackend::Sqlite {
        tests.extend(tests![
            texts_in_utf16_are_read,
            values_of_other_types_are_findings,
            no_file_is_made,
            a_bar_is_for_terminals,
        ]);
    }
    if backend == DbBackend::Postgres {
        tests.extend(tests![another_schema_is_read]);
    }
    tests
}

/// Where each row of a page cannot be read, and what was expected.
async fn faults(db: &DatabaseConnection) -> BTreeMap<i32, (usize, String)> {
    let audit = Audit::with_memory(0).expect("an audit");
    let mut events = std::pin::pin!(audit.read(db).await.expect("rows"));
    let mut faults = BTreeMap::new();
    while let Some(event) = events.try_next().await.expect("an event") {
        if let Event::Finding(Finding::Unreadable { row, fault }) = event {
            faults.insert(
                row.page.expect("a page"),
                (fault.at, fault.expected.to_owned()),
            );
        }
    }
    faults
}

const LIST: &str = r#" ["0f8fad5bd9cb469fa16570867728950e", 7, "a\u00e4"] "#;

/// The list cut off, with a letter lost and with another letter, at each position; and what the fuzzer has found.
fn damaged() -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for at in 0..LIST.len() {
        let (start, end) = LIST.split_at(at);
        texts.push(start.to_owned());
        texts.push(format!("{start}{}", &end[1..]));
        for letter in ["\u{1}", "\"", "]", "ä", "{"] {
            texts.push(format!("{start}{letter}{}", &end[1..]));
        }
    }
    let corpus = workspace().join("entity/fuzz/corpus");
    texts.extend(texts_in(&corpus));
    texts
}

fn texts_in(folder: &Path) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut texts = Vec::new();
    for file in files.flatten() {
        match file.path().is_dir() {
            true => texts.extend(texts_in(&file.path())),
            false => texts.extend(std::fs::read_to_string(file.path())),
        }
    }
    // PostgreSQL keeps no such letter.
    texts.retain(|text| !text.contains('\0'));
    texts
}

async fn damage_at_each_position_is_found_where_it_is(database: Database) {
    let db = migrated(&database, 1).await;
    let mut wanted = BTreeMap::new();
    for (page, text) in (0..).zip(damaged()) {
        insert(&db, 1, page, &text).await;
        if let Err(error) = text.parse::<VectorIds>() {
            wanted.insert(page, (error.at(), error.expected().to_owned()));
        }
    }
    assert!(wanted.len() > 100);

    assert_eq!(faults(&db).await, wanted);
}

/// Where a text that is not UTF-8 can be.
async fn with_bytes(database: &Database) -> Database {
    let bytes = "5b22ff225d";
    let document = "INSERT INTO documents (id) VALUES (1)";
    let rows = |value: &str| {
        format!(
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[1]'), (1, 2, {value}), (1, 3, '[3')"
        )
    };
    match database.backend() {
        DbBackend::Postgres => {
            let name = format!("{}_bytes", database.name);
            let create = format!(
                "CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
            );
            database.execute([create]).await;
            let other = Database {
                url: database.url.replace(&database.name, &name),
                name,
                ..database.clone()
            };
            migrate(&other, ["up"]).expect_success();
            let value = format!("convert_from('\\x{bytes}', 'SQL_ASCII')");
            other.execute([document, &rows(&value)]).await;
            other
        }
        DbBackend::MySql => {
            migrate(database, ["up"]).expect_success();
            let column = "ALTER TABLE vectors MODIFY vector_ids longblob NOT NULL";
            let rows = rows(&format!("X'{bytes}'"));
            database.execute([column, document, &rows]).await;
            database.clone()
        }
        _ => {
            migrate(database, ["up"]).expect_success();
            let rows = rows(&format!("CAST(X'{bytes}' AS TEXT)"));
            database.execute([document, &rows]).await;
            database.clone()
        }
    }
}

async fn a_text_that_is_not_utf8_is_a_finding_and_the_rest_is_read(database: Database) {
    let other = with_bytes(&database).await;

    let report = object(&other, 1, [""; 0]);

    let unreadable = finding(&report, "unreadable");
    assert_eq!(unreadable["count"], 2, "{report}");
    let found = &unreadable["examples"][0];
    assert_eq!(found["doc_id"], 1, "{found}");
    assert_eq!(found["page"], 2, "{found}");
    assert_eq!(found["at"], 2, "{found}");
    assert_eq!(found["expected"], "UTF-8", "{found}");
    assert_eq!(found["found"], "the byte 0xff", "{found}");
    assert_eq!(report["rows"], 3);
    assert_eq!(report["ids"], 1);
    if other.name != database.name {
        other.give_back(&database).await;
    }
}

async fn check_says_that_it_reads_no_values(database: Database) {
    let db = migrated(&database, 1).await;
    insert(&db, 1, 1, "null").await;

    let check = migrate(&database, ["check"]).expect_success();

    assert!(
        check.ends_with("no values were read: `audit` reads them\n"),
        "{check}"
    );
    assert_eq!(audit(&database, [""; 0]).code, Some(1));
    let status = migrate(&database, ["status"]).expect_success();
    assert!(!status.contains("audit"), "{status}");
}

async fn what_cannot_be_read_at_all_is_exit_status_2(database: Database) {
    let without_tables = audit(&database, [""; 0]);
    assert_eq!(without_tables.code, Some(2), "{without_tables:?}");
    assert!(
        without_tables
            .stderr
            .contains("could not look up the rows of vectors"),
        "{without_tables:?}"
    );

    runner()
        .up(&database.connect().await, None)
        .await
        .expect("up");
    assert_eq!(audit(&database, [""; 0]).code, Some(0));
    for arguments in [
        ["--doc", "x"],
        ["--memory", "1MiB"],
        ["--stray-to", "stray"],
        ["--points", "there is no such file"],
    ] {
        let wrong = audit(&database, arguments);
        assert_eq!(wrong.code, Some(2), "{wrong:?}");
        assert!(wrong.stderr.starts_with("error: "), "{wrong:?}");
    }
    let both = audit(&database, ["--doc", "1", "--points", "-"]);
    assert_eq!(both.code, Some(2), "{both:?}");
}

async fn texts_in_utf16_are_read(database: Database) {
    let db = database.connect_once().await;
    db.execute_unprepared("PRAGMA encoding = 'UTF-16le'")
        .await
        .expect("an encoding");
    runner().up(&db, None).await.expect("up");
    db.execute_unprepared("INSERT INTO documents VALUES (1)")
        .await
        .expect("a document");
    insert(&db, 1, 1, "[\"ä\", 7]").await;
    insert(&db, 1, 2, "[\"ä\", null]").await;

    let report = object(&database, 1, [""; 0]);

    assert_eq!(report["ids"], 2, "{report}");
    assert_eq!(
        finding(&report, "unreadable")["examples"][0]["at"],
        7,
        "{report}"
    );
}

async fn values_of_other_types_are_findings(database: Database) {
    let db = migrated(&database, 1).await;
    let legacy = "DROP TABLE vectors; CREATE TABLE vectors (id integer PRIMARY KEY, doc_id, page, vector_ids)";
    db.execute_unprepared(legacy).await.expect("a table");
    let rows = "INSERT INTO vectors (doc_id, page, vector_ids) VALUES
        (1, 1, 5), (1, 2, 1.5), (1, 3, NULL), (1, 'a', '[6]'), (NULL, 5, '[7]'), (1, 6, x'5b385d')";
    db.execute_unprepared(rows).await.expect("rows");

    let report = object(&database, 1, [""; 0]);

    assert_eq!(report["rows"], 6, "{report}");
    assert_eq!(report["ids"], 3, "{report}");
    let examples = finding(&report, "unreadable")["examples"]
        .as_array()
        .expect("a list");
    let columns: Vec<&str> = examples
        .iter()
        .filter_map(|one| one["column"].as_str())
        .collect();
    assert_eq!(
        columns,
        ["vectors.vector_ids", "vectors.page", "vectors.doc_id"],
        "{report}"
    );
}

async fn no_file_is_made(database: Database) {
    let absent = audit(&database, [""; 0]);

    assert_eq!(absent.code, Some(2), "{absent:?}");
    assert!(!Path::new(&database.file()).exists());
}

async fn another_schema_is_read(database: Database) {
    let db = migrated(&database, 1).await;
    insert(&db, 1, 1, "null").await;
    database.execute(["CREATE SCHEMA \"an\"\"other\""]).await;
    let schema = ["-s", "an\"other"];
    migrate(&database, [&["up"][..], &schema].concat()).expect_success();

    let here = object(&database, 1, [""; 0]);
    let there = object(&database, 0, schema);

    assert_eq!(here["rows"], 1);
    assert_eq!(there["rows"], 0);
    assert_eq!(there["schema"], "an\"other");
}

async fn a_bar_is_for_terminals(database: Database) {
    migrated(&database, 0).await;
    let program = migration().get_program().to_owned();
    let slowly = format!(
        "(echo 7; sleep 1; echo 8) | {} audit --points -",
        program.display()
    );

    let terminal = run(Command::new("script")
        .args(["-qec", &slowly, "/dev/null"])
        .env("DATABASE_URL", &database.url)
        .env("TERM", "xterm"));
    let elsewhere = run(Command::new("bash")
        .args(["-c", &slowly])
        .env("DATABASE_URL", &database.url));

    assert!(terminal.stdout.contains(" 1 points"), "{terminal:?}");
    assert_eq!(elsewhere.stderr, "");
    assert!(elsewhere.stdout.contains("points   2\n"), "{elsewhere:?}");
}
