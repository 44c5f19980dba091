//! What migrations of later releases do to the released tables, and how they are undone.

use std::{fs, process::Command};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::Value;

use super::{
    Test,
    dry_run::{ran, statements},
    shape::{lines, tables},
};
use crate::{
    engines::{Database, workspace},
    later::{MIGRATIONS, NEWEST, Release, WITH_INDEX, WITH_MODEL, WITH_PAGE_TEXTS, WITH_READINGS},
    programs::{Finished, client, migrate, run},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_later_release_adds_a_column_from_the_released_state_and_from_nothing,
        a_column_that_somebody_has_added_already_keeps_its_values,
        check_misses_what_a_later_release_has_added_and_repair_brings_it_back,
        a_later_release_takes_its_column_back_and_keeps_the_rows,
        older_migrations_of_a_later_release_do_what_they_did,
        a_dry_run_of_a_later_release_shows_what_up_then_runs,
        down_and_the_scripts_of_each_later_release_do_what_up_does_and_undo_it,
        the_script_of_a_later_release_makes_everything_from_nothing,
        a_second_table_converges_from_its_older_forms,
        a_second_table_is_refused_until_somebody_has_mended_its_rows,
        orphans_of_a_second_table_are_handed_over_before_they_go,
        an_index_is_added_by_one_file,
        entities_of_a_later_release_write_and_read_what_it_adds,
        generated_migrations_run_with_statements_and_with_a_declaration,
        what_a_later_release_brings_is_no_obstacle_for_an_earlier_one,
        fresh_drops_what_a_later_release_has_declared,
    ]
}

/// Creates what the released binary creates, with rows.
pub async fn released(database: &Database) {
    migrate(database, ["up"]).expect_success();
    database
        .execute([
            "INSERT INTO documents (id) VALUES (1), (2)",
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 0, '[]'), (1, 1, '[\"a\"]')",
        ])
        .await;
}

pub async fn rows(database: &Database) -> Vec<String> {
    let db = database.connect().await;
    lines(
        &db,
        "SELECT concat(doc_id, ' ', page, ' ', vector_ids) FROM vectors ORDER BY page",
    )
    .await
}

pub const ROWS: [&str; 2] = ["1 0 []", "1 1 [\"a\"]"];

async fn models(database: &Database) -> Vec<String> {
    let db = database.connect().await;
    lines(
        &db,
        "SELECT coalesce(model, 'none') FROM vectors ORDER BY page",
    )
    .await
}

/// Returns every column, index and key of a table from the engine's own catalog; empty if the table
/// does not exist.
async fn catalog(database: &Database, table: &str) -> Vec<String> {
    let sql = match database.backend() {
        DbBackend::Postgres => format!(
            "SELECT format('column %s %s %s %s %s%s', attname, format_type(atttypid, atttypmod), attnotnull,
                 pg_get_expr(adbin, adrelid), attstorage, attcompression)
             FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
             WHERE attrelid = to_regclass('\"{table}\"') AND attnum > 0 AND NOT attisdropped
             UNION ALL SELECT concat(conname, ' ', pg_get_constraintdef(oid))
             FROM pg_constraint WHERE conrelid = to_regclass('\"{table}\"')
             UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass('\"{table}\"')
             ORDER BY 1"
        ),
        DbBackend::MySql => format!(
            "SELECT CAST(concat_ws(' ', 'column', column_name, column_type, is_nullable, extra, collation_name) AS CHAR)
             FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '{table}'
             UNION ALL SELECT CAST(concat_ws(' ', 'index', index_name, seq_in_index, column_name, non_unique) AS CHAR)
             FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = '{table}'
             UNION ALL SELECT CAST(concat_ws(' ', 'key', constraint_name, referenced_table_name, delete_rule) AS CHAR)
             FROM information_schema.referential_constraints
             WHERE constraint_schema = DATABASE() AND table_name = '{table}'
             ORDER BY 1"
        ),
        _ => format!(
            "SELECT concat_ws(' ', 'column', name, type, \"notnull\", dflt_value, pk) FROM pragma_table_info('{table}')
             UNION ALL SELECT concat_ws(' ', 'index', l.name, l.\"unique\", i.seqno, i.name)
             FROM pragma_index_list('{table}') l, pragma_index_info(l.name) i
             UNION ALL SELECT concat_ws(' ', 'key', \"from\", \"table\", \"to\", on_delete)
             FROM pragma_foreign_key_list('{table}')
             ORDER BY 1"
        ),
    };
    let db = database.connect_once().await;
    let found = lines(&db, &sql).await;
    db.close().await.expect("it closes");
    found
}

/// The tables of all releases.
#[derive(Debug, PartialEq)]
pub struct Tables {
    vectors: Vec<String>,
    page_texts: Vec<String>,
    readings: Vec<String>,
    marks: Vec<String>,
}

impl Tables {
    pub async fn of(database: &Database) -> Self {
        Self {
            vectors: catalog(database, "vectors").await,
            page_texts: catalog(database, "page_texts").await,
            readings: catalog(database, "Readings").await,
            marks: catalog(database, "marks").await,
        }
    }
}

async fn a_later_release_adds_a_column_from_the_released_state_and_from_nothing(
    database: Database,
) {
    WITH_MODEL.run(&database, &["up"]).expect_success();
    WITH_MODEL.run(&database, &["check"]).expect_success();
    let from_nothing = Tables::of(&database).await;
    assert_eq!(models(&database).await, [""; 0]);
    database.empty().await;
    released(&database).await;
    let before = WITH_MODEL.run(&database, &["check"]).expect_success();
    let (compared, pending) = before.split_once("not applied yet").expect(&before);
    assert!(!compared.contains("model"), "{before}");
    assert!(pending.contains(MIGRATIONS[0]), "{before}");

    WITH_MODEL.run(&database, &["up"]).expect_success();

    let after = WITH_MODEL.run(&database, &["check"]).expect_success();
    assert!(!after.contains("not applied yet"), "{after}");
    assert_eq!(Tables::of(&database).await, from_nothing);
    assert_eq!(rows(&database).await, ROWS);
    assert_eq!(models(&database).await, ["none", "none"]);
}

async fn a_column_that_somebody_has_added_already_keeps_its_values(database: Database) {
    released(&database).await;
    let text = match database.backend() {
        DbBackend::MySql => "longtext CHARACTER SET utf8mb4",
        _ => "text",
    };
    let add = format!("ALTER TABLE vectors ADD COLUMN model {text}");
    let fill = "UPDATE vectors SET model = 'v1' WHERE page = 1";
    database.execute([add.as_str(), fill]).await;

    let said = WITH_MODEL.run(&database, &["up"]).expect_success();

    assert_eq!(ran(&said), [""; 0], "{said}");
    WITH_MODEL.run(&database, &["check"]).expect_success();
    assert_eq!(models(&database).await, ["none", "v1"]);
}

async fn check_misses_what_a_later_release_has_added_and_repair_brings_it_back(database: Database) {
    released(&database).await;
    WITH_INDEX.run(&database, &["up"]).expect_success();
    let whole = Tables::of(&database).await;
    let of_vectors = match database.backend() {
        DbBackend::MySql => " ON vectors",
        _ => "",
    };
    let losses = [
        (
            "vectors index ix_vectors_doc_id_page",
            format!("DROP INDEX ix_vectors_doc_id_page{of_vectors}"),
        ),
        (
            "vectors.model",
            "ALTER TABLE vectors DROP COLUMN model".to_owned(),
        ),
        ("page_texts", "DROP TABLE page_texts".to_owned()),
    ];
    for (part, lose) in losses {
        database.execute([lose]).await;

        let check = WITH_INDEX.run(&database, &["check"]);

        assert_eq!(check.code, Some(1), "{check:?}");
        let missed = format!("differs  {part} ");
        assert!(check.stdout.contains(&missed), "{missed}: {}", check.stdout);
        WITH_INDEX.run(&database, &["repair"]).expect_success();
        WITH_INDEX.run(&database, &["check"]).expect_success();
        assert_eq!(Tables::of(&database).await, whole);
        assert_eq!(rows(&database).await, ROWS);
    }
}

async fn a_later_release_takes_its_column_back_and_keeps_the_rows(database: Database) {
    released(&database).await;
    let before = Tables::of(&database).await;
    WITH_MODEL.run(&database, &["up"]).expect_success();
    database.execute(["UPDATE vectors SET model = 'v1'"]).await;
    let with_model = Tables::of(&database).await;
    let dry = WITH_MODEL
        .run(&database, &["down", "--dry-run"])
        .expect_success();
    assert!(dry.contains("DROP COLUMN"), "{dry}");
    assert_eq!(Tables::of(&database).await, with_model);

    let said = WITH_MODEL.run(&database, &["down"]).expect_success();

    assert!(said.contains("vectors.model"), "{said}");
    assert_eq!(Tables::of(&database).await, before);
    assert_eq!(rows(&database).await, ROWS);
    let status = WITH_MODEL.run(&database, &["status"]).expect_success();
    assert_eq!(status.matches("pending").count(), 1, "{status}");
    WITH_MODEL.run(&database, &["up"]).expect_success();
    assert_eq!(models(&database).await, ["none", "none"]);
}

async fn older_migrations_of_a_later_release_do_what_they_did(database: Database) {
    for count in ["2", "3"] {
        migrate(&database, ["up", "-n", count]).expect_success();
        let before = Tables::of(&database).await;
        database.empty().await;

        NEWEST.run(&database, &["up", "-n", count]).expect_success();

        assert_eq!(Tables::of(&database).await, before);
        migrate(&database, ["check"]).expect_success();
        migrate(&database, ["up"]).expect_success();
        migrate(&database, ["down", "-n", "3"]).expect_success();
    }
}

async fn a_dry_run_of_a_later_release_shows_what_up_then_runs(database: Database) {
    for is_released in [false, true] {
        if is_released {
            database.empty().await;
            released(&database).await;
        }
        let before = Tables::of(&database).await;

        let dry = WITH_INDEX
            .run(&database, &["up", "--dry-run"])
            .expect_success();

        assert_eq!(Tables::of(&database).await, before);
        for migration in &MIGRATIONS[..3] {
            assert!(dry.contains(migration), "{dry}");
        }
        let up = WITH_INDEX.run(&database, &["up"]).expect_success();
        assert_eq!(statements(&dry), ran(&up), "{dry}\n{up}");
        let again = WITH_INDEX
            .run(&database, &["up", "--dry-run"])
            .expect_success();
        assert_eq!(again, "-- nothing to do\n");
    }
}

async fn down_and_the_scripts_of_each_later_release_do_what_up_does_and_undo_it(
    database: Database,
) {
    released(&database).await;
    for release in [WITH_MODEL, WITH_PAGE_TEXTS, WITH_INDEX] {
        let before = Tables::of(&database).await;
        release.run(&database, &["up"]).expect_success();
        let after = Tables::of(&database).await;
        assert_ne!(after, before);
        release.run(&database, &["down"]).expect_success();
        assert_eq!(Tables::of(&database).await, before);

        let applied = client(&database, &release.script(&database, &["up"]));

        match database.backend() {
            // No condition can skip the statement that has added a column.
            DbBackend::Sqlite if release != WITH_MODEL => {
                let reason = "vectors.model was added before: use migration up for the rest";
                assert!(applied.stderr.contains(reason), "{applied:?}");
                assert_eq!(Tables::of(&database).await, before);
                release.run(&database, &["up"]).expect_success();
            }
            _ => {
                applied.expect_success();
            }
        }
        assert_eq!(Tables::of(&database).await, after);
        release.run(&database, &["check"]).expect_success();
        let up = release.run(&database, &["up"]).expect_success();
        assert!(up.contains("No pending migrations"), "{up}");

        client(&database, &release.script(&database, &["down"])).expect_success();

        assert_eq!(Tables::of(&database).await, before);
        assert_eq!(rows(&database).await, ROWS);
        release.run(&database, &["up"]).expect_success();
        assert_eq!(Tables::of(&database).await, after);
    }
}

async fn the_script_of_a_later_release_makes_everything_from_nothing(database: Database) {
    WITH_INDEX.run(&database, &["up"]).expect_success();
    let wanted = Tables::of(&database).await;
    database.empty().await;

    client(&database, &WITH_INDEX.script(&database, &[])).expect_success();

    assert_eq!(Tables::of(&database).await, wanted);
    WITH_INDEX.run(&database, &["check"]).expect_success();
    let up = WITH_INDEX.run(&database, &["up"]).expect_success();
    assert!(up.contains("No pending migrations"), "{up}");
    let all = WITH_INDEX.script(&database, &["down", "-n", "4"]);
    client(&database, &all).expect_success();
    migrate(&database, ["check"]).expect_success();
    assert_eq!(catalog(&database, "page_texts").await, [""; 0]);
}

/// Creates an older form of `page_texts`: `lang` and what follows the columns, with a row and more
/// statements.
async fn older(database: &Database, rest: &str, more: &[&str]) {
    database.empty().await;
    released(database).await;
    let (id, body, letters) = match database.backend() {
        DbBackend::Postgres => ("serial", "text", ""),
        DbBackend::MySql => (
            "integer AUTO_INCREMENT",
            "longtext",
            "CHARACTER SET utf8mb4",
        ),
        _ => ("integer", "text", ""),
    };
    let table = format!(
        "CREATE TABLE page_texts (id {id} PRIMARY KEY, doc_id integer NOT NULL, page integer NOT NULL,
             body {body} NOT NULL, {rest}) {letters}"
    );
    let row = "INSERT INTO page_texts (doc_id, page, body, lang) VALUES (1, 0, 'zero', 'en')";
    let statements = [table.as_str(), row].into_iter();
    let statements = statements.chain(more.iter().copied());
    database.execute(statements.collect::<Vec<_>>()).await;
}

/// Returns the parts of `page_texts` that differ.
fn differing(check: &Finished) -> Vec<String> {
    let lines = check.stdout.lines();
    let parts = lines.filter_map(|line| line.strip_prefix("differs  page_texts"));
    let parts = parts.map(|part| part.split("  ").next().unwrap_or(part));
    let mut parts: Vec<String> = parts.map(|part| part.trim().to_owned()).collect();
    parts.sort();
    parts
}

const KEY: &str = "FOREIGN KEY (doc_id) REFERENCES documents (id)";
const CASCADE: &str = "FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE";
const ONE_A_PAGE: &str = "UNIQUE (doc_id, page)";

async fn a_second_table_converges_from_its_older_forms(database: Database) {
    let forms: [(String, &[&str]); 6] = [
        (
            format!("lang varchar(8) NOT NULL, {ONE_A_PAGE}, {KEY}"),
            &["foreign key"],
        ),
        (
            format!("lang varchar(8) NOT NULL, {ONE_A_PAGE}"),
            &["foreign key"],
        ),
        (format!("lang varchar(8) NOT NULL, {CASCADE}"), &["index"]),
        (
            format!("lang varchar(8), {ONE_A_PAGE}, {CASCADE}"),
            &[".lang"],
        ),
        (
            format!("lang varchar(4) NOT NULL, {ONE_A_PAGE}, {CASCADE}"),
            &[".lang"],
        ),
        (
            format!("lang varchar(4), {KEY}"),
            &[".lang", "foreign key", "index"],
        ),
    ];
    for (form, differs) in forms {
        older(&database, &form, &[]).await;
        let before = WITH_PAGE_TEXTS.run(&database, &["check"]);
        assert_eq!(before.code, Some(1), "{form}: {before:?}");
        assert_eq!(differing(&before), differs, "{form}: {}", before.stdout);

        WITH_PAGE_TEXTS.run(&database, &["up"]).expect_success();

        WITH_PAGE_TEXTS.run(&database, &["check"]).expect_success();
        let db = database.connect_once().await;
        let kept = "SELECT concat(page, ' ', body, ' ', lang) FROM page_texts";
        assert_eq!(lines(&db, kept).await, ["0 zero en"], "{form}");
        for (row, is_taken) in [
            ("(1, 1, 'eight letters', 'abcdefgh')", true),
            ("(1, 0, 'a second text of a page', 'en')", false),
            ("(1, 2, 'no lang', NULL)", false),
            ("(9, 0, 'no document', 'en')", false),
        ] {
            let insert = format!("INSERT INTO page_texts (doc_id, page, body, lang) VALUES {row}");
            let inserted = db.execute_unprepared(&insert).await;
            assert_eq!(inserted.is_ok(), is_taken, "{form}: {row}: {inserted:?}");
        }
        let gone = "DELETE FROM documents WHERE id = 1";
        db.execute_unprepared(gone).await.expect("it cascades");
        let left = lines(&db, "SELECT body FROM page_texts").await;
        assert_eq!(left, [""; 0], "{form}");
        db.close().await.expect("it closes");
    }
}

async fn a_second_table_is_refused_until_somebody_has_mended_its_rows(database: Database) {
    let cases = [
        (
            format!("lang varchar(8), {ONE_A_PAGE}, {CASCADE}"),
            "1, 1, 'one', NULL",
            "lang may be NULL, and is in 1 row",
            "UPDATE page_texts SET lang = 'en' WHERE lang IS NULL",
        ),
        (
            format!("lang varchar(8) NOT NULL, {CASCADE}"),
            "1, 0, 'twice', 'en'",
            "no unique index is on (doc_id, page), of which one combination is in several rows",
            "UPDATE page_texts SET page = 1 WHERE body = 'twice'",
        ),
        (
            format!("lang varchar(8) NOT NULL, {ONE_A_PAGE}"),
            "9, 0, 'lost', 'en'",
            "1 row references missing documents",
            "UPDATE page_texts SET doc_id = 2 WHERE doc_id = 9",
        ),
    ];
    for (form, row, found, mend) in cases {
        let row = format!("INSERT INTO page_texts (doc_id, page, body, lang) VALUES ({row})");
        older(&database, &form, &[&row]).await;
        let before = Tables::of(&database).await.page_texts;

        let error = WITH_PAGE_TEXTS.run(&database, &["up"]).expect_error();

        assert!(error.contains(found), "{error}");
        assert_eq!(Tables::of(&database).await.page_texts, before, "{form}");
        let check = WITH_PAGE_TEXTS.run(&database, &["check"]);
        assert_eq!(check.code, Some(1), "{check:?}");
        let said = check.stdout.lines().find(|line| line.contains(found));
        let said = said.unwrap_or_else(|| panic!("{found}: {}", check.stdout));
        let query = said.find("SELECT").map(|at| &said[at..]).expect(said);
        assert!(error.contains(query), "{error}");
        let db = database.connect_once().await;
        let query = Statement::from_string(database.backend(), query);
        assert_eq!(
            db.query_all_raw(query).await.expect(said).len(),
            1,
            "{said}"
        );
        db.close().await.expect("it closes");

        database.execute([mend]).await;
        WITH_PAGE_TEXTS.run(&database, &["up"]).expect_success();
        WITH_PAGE_TEXTS.run(&database, &["check"]).expect_success();
        assert_eq!(texts(&database).await.len(), 2);
    }
}

async fn texts(database: &Database) -> Vec<String> {
    let db = database.connect_once().await;
    let found = lines(&db, "SELECT body FROM page_texts ORDER BY id").await;
    db.close().await.expect("it closes");
    found
}

/// Deletes the only orphan, and returns what was handed over of it.
pub fn without_its_orphan(release: Release, database: &Database) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orphans");
    let file_name = file.to_string_lossy();
    let delete = ["repair", "--delete-orphans", "--ids-to", &file_name];
    release.run(database, &delete).expect_success();
    serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap()
}

async fn orphans_of_a_second_table_are_handed_over_before_they_go(database: Database) {
    let lost = "INSERT INTO page_texts (doc_id, page, body, lang) VALUES (9, 3, 'lost', 'en')";
    older(&database, "lang varchar(8) NOT NULL", &[lost]).await;
    let refused = WITH_PAGE_TEXTS.run(&database, &["up"]).expect_error();
    assert!(refused.contains("repair --delete-orphans"), "{refused}");
    assert_eq!(texts(&database).await, ["zero", "lost"]);

    let kept = without_its_orphan(WITH_PAGE_TEXTS, &database);

    let lost = serde_json::json!({"id": 2, "doc_id": 9, "page": 3, "body": "lost", "lang": "en"});
    assert_eq!(kept, lost);
    assert_eq!(texts(&database).await, ["zero"]);
    WITH_PAGE_TEXTS.run(&database, &["up"]).expect_success();
    WITH_PAGE_TEXTS.run(&database, &["check"]).expect_success();
    assert_eq!(rows(&database).await, ROWS);
}

async fn an_index_is_added_by_one_file(database: Database) {
    released(&database).await;
    WITH_PAGE_TEXTS.run(&database, &["up"]).expect_success();
    let before = Tables::of(&database).await;

    let said = WITH_INDEX.run(&database, &["up"]).expect_success();

    assert!(said.contains("ix_vectors_doc_id_page"), "{said}");
    WITH_INDEX.run(&database, &["check"]).expect_success();
    let after = Tables::of(&database).await;
    let is_new = |line: &&String| !before.vectors.contains(line);
    let new: Vec<&String> = after.vectors.iter().filter(is_new).collect();
    assert!(!new.is_empty(), "{after:?}");
    let is_ours = |line: &&String| line.contains("ix_vectors_doc_id_page");
    assert!(new.iter().all(is_ours), "{new:?}");
    assert_eq!(after.page_texts, before.page_texts);
    WITH_INDEX.run(&database, &["down"]).expect_success();
    assert_eq!(Tables::of(&database).await, before);
    assert_eq!(rows(&database).await, ROWS);
}

async fn entities_of_a_later_release_write_and_read_what_it_adds(database: Database) {
    released(&database).await;
    WITH_INDEX.run(&database, &["up"]).expect_success();

    let mut reader = Command::new(workspace().join("target/debug/later-reader"));
    let read = run(reader.env("DATABASE_URL", &database.url)).expect_success();

    assert_eq!(read.trim(), "Some(\"v1\") Some(\"five\")");
}

async fn generated_migrations_run_with_statements_and_with_a_declaration(database: Database) {
    released(&database).await;

    NEWEST.run(&database, &["up"]).expect_success();

    let notes = async || {
        let mut found = tables(&database.connect().await).await;
        found.retain(|table| table.ends_with("_notes"));
        found.sort();
        found
    };
    assert_eq!(notes().await, ["declared_notes", "plain_notes"]);
    NEWEST.run(&database, &["check"]).expect_success();
    let again = NEWEST.run(&database, &["up"]).expect_success();
    assert!(again.contains("No pending migrations"), "{again}");
    // Only a declaration is compared.
    database
        .execute(["DROP TABLE declared_notes", "DROP TABLE plain_notes"])
        .await;
    let check = NEWEST.run(&database, &["check"]);
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(!check.stdout.contains("plain_notes"), "{}", check.stdout);
    NEWEST.run(&database, &["repair"]).expect_success();
    assert_eq!(notes().await, ["declared_notes"]);
    database
        .execute(["CREATE TABLE plain_notes (id integer)"])
        .await;
    NEWEST.run(&database, &["down", "-n", "2"]).expect_success();
    assert_eq!(notes().await, [""; 0]);
    WITH_READINGS.run(&database, &["check"]).expect_success();
}

async fn what_a_later_release_brings_is_no_obstacle_for_an_earlier_one(database: Database) {
    let (id, text) = match database.backend() {
        DbBackend::Postgres => ("serial", "text"),
        DbBackend::MySql => ("integer AUTO_INCREMENT", "longtext CHARACTER SET utf8mb4"),
        _ => ("integer", "text"),
    };
    let all = format!(
        "CREATE TABLE page_texts (id {id} PRIMARY KEY, doc_id integer NOT NULL, page integer NOT NULL,
             body {text} NOT NULL, lang varchar(8) NOT NULL, UNIQUE (doc_id, page))"
    );
    database
        .execute(["CREATE TABLE documents (id integer PRIMARY KEY)", &all])
        .await;
    let vectors = format!(
        "CREATE TABLE vectors (id {id} PRIMARY KEY, doc_id integer NOT NULL, page integer NOT NULL,
             vector_ids {text} NOT NULL, model {text}, FOREIGN KEY (doc_id) REFERENCES documents (id))"
    );
    database.execute([vectors]).await;

    WITH_INDEX
        .run(&database, &["up", "-n", "3"])
        .expect_success();
    WITH_INDEX.run(&database, &["up"]).expect_success();

    WITH_INDEX.run(&database, &["check"]).expect_success();
}

async fn fresh_drops_what_a_later_release_has_declared(database: Database) {
    released(&database).await;
    WITH_READINGS.run(&database, &["up"]).expect_success();

    let said = WITH_READINGS.run(&database, &["fresh"]).expect_success();

    assert!(said.contains("page_texts"), "{said}");
    assert_eq!(rows(&database).await, [""; 0]);
    let status = WITH_READINGS.run(&database, &["status"]).expect_success();
    assert!(!status.contains("pending"), "{status}");
}
