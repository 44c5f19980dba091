//! A later release with a table of every type that can be declared, and keys from and to older
//! tables.

use sea_orm::DbBackend;

use super::{
    Test,
    dry_run::{ran, statements},
    releases::{ROWS, Tables, released, rows, without_its_orphan},
    shape::lines,
};
use crate::{
    engines::Database,
    later::{WITH_INDEX, WITH_READINGS},
};

pub fn tests() -> Vec<Test> {
    tests![
        every_type_is_made_found_again_and_undone,
        an_older_table_of_every_type_keeps_its_values,
        orphans_are_handed_over_with_every_byte_and_digit,
    ]
}

async fn every_type_is_made_found_again_and_undone(database: Database) {
    released(&database).await;
    WITH_INDEX.run(&database, &["up"]).expect_success();
    let before = Tables::of(&database).await;
    let dry = WITH_READINGS
        .run(&database, &["up", "--dry-run"])
        .expect_success();

    let up = WITH_READINGS.run(&database, &["up"]).expect_success();

    assert_eq!(statements(&dry), ran(&up), "{dry}\n{up}");
    WITH_READINGS.run(&database, &["check"]).expect_success();
    let again = WITH_READINGS.run(&database, &["up"]).expect_success();
    assert!(again.contains("No pending migrations"), "{again}");
    let after = Tables::of(&database).await;
    WITH_READINGS.run(&database, &["down"]).expect_success();
    assert_eq!(Tables::of(&database).await, before);
    assert_eq!(rows(&database).await, ROWS);
    database.empty().await;
    WITH_READINGS.run(&database, &["up"]).expect_success();
    assert_eq!(Tables::of(&database).await, after);
    let script = WITH_READINGS.run(&database, &["sql", "--backend", "sqlite"]);
    let reason = "depends on what is there";
    assert!(script.stderr.contains(reason), "{script:?}");
}

/// Replaces the quotes, which are others on MySQL.
fn quoted(backend: DbBackend, sql: &str) -> String {
    match backend {
        DbBackend::MySql => sql.replace('"', "`"),
        _ => sql.to_owned(),
    }
}

/// Returns a table `Readings` with other types than declared, with fractions of a second, nullable
/// and without keys.
fn older(backend: DbBackend) -> String {
    let [id, timestamps, others, end] = match backend {
        DbBackend::Postgres => [
            "bigserial PRIMARY KEY",
            "day date, local timestamp, instant timestamp with time zone",
            "price decimal(10, 2), raw bytea, token uuid, extra json, more jsonb",
            "",
        ],
        DbBackend::MySql => [
            "bigint AUTO_INCREMENT PRIMARY KEY",
            "day date, local datetime(6), instant timestamp(6) NULL",
            "price decimal(10, 2), raw longblob, token binary(16), extra json, more json",
            "CHARACTER SET utf8mb4",
        ],
        _ => [
            "integer PRIMARY KEY AUTOINCREMENT",
            "day date_text, local datetime_text, instant timestamp_with_timezone_text",
            "price real(10, 2), raw blob, token uuid_text, extra json_text, more jsonb_text",
            "",
        ],
    };
    let (flag, ratio, exact) = match backend {
        DbBackend::Postgres => ("boolean", "real", "double precision"),
        DbBackend::MySql => ("tinyint(1)", "float", "double"),
        _ => ("boolean", "float", "double"),
    };
    let create = format!(
        "CREATE TABLE \"Readings\" (\"Id\" {id}, \"textId\" integer, small smallint, \"select\" varchar(20),
             flag {flag}, ratio {ratio}, exact {exact}, {timestamps}, {others}) {end}"
    );
    quoted(backend, &create)
}

/// Returns an INSERT of a row in which every value has a part that is easily lost.
fn insert(backend: DbBackend, text_id: i32) -> String {
    let (flag, bytes, uuid) = match backend {
        DbBackend::Postgres => (
            "true",
            "decode('00ff5c27', 'hex')",
            "'0f8fad5b-d9cb-469f-a165-70867728950e'",
        ),
        _ => ("1", "X'00ff5c27'", "X'0f8fad5bd9cb469fa16570867728950e'"),
    };
    let insert = format!(
        "INSERT INTO \"Readings\" (\"textId\", small, \"select\", flag, ratio, exact, price, raw, token, extra,
             day, local, instant)
         VALUES ({text_id}, -7, 'it''s', {flag}, 0.1, 0.30000000000000004, 12.50, {bytes}, {uuid}, '[1]',
             '2025-05-24', '2025-05-24 12:00:00.123456', '2025-05-24 12:00:00.654321')"
    );
    quoted(backend, &insert)
}

/// Returns the values of the row, as the engine prints them.
async fn values(database: &Database) -> Vec<String> {
    let backend = database.backend();
    let bytes = match backend {
        DbBackend::Postgres => "encode(raw, 'hex'), token::text",
        _ => "hex(raw), hex(token)",
    };
    let sql = format!(
        "SELECT concat_ws('|', small, \"select\", flag, ratio, exact, price, {bytes}, extra, day, local, instant)
         FROM \"Readings\""
    );
    let db = database.connect_once().await;
    let found = lines(&db, &quoted(backend, &sql)).await;
    db.close().await.expect("it closes");
    found
}

async fn an_older_table_of_every_type_keeps_its_values(database: Database) {
    let backend = database.backend();
    released(&database).await;
    WITH_INDEX.run(&database, &["up"]).expect_success();
    let text = "INSERT INTO page_texts (doc_id, page, body, lang) VALUES (1, 0, 'zero', 'en')";
    database
        .execute([&older(backend), text, &insert(backend, 1)])
        .await;
    let before = values(&database).await;

    WITH_READINGS.run(&database, &["up"]).expect_success();

    assert_eq!(values(&database).await, before);
    WITH_READINGS.run(&database, &["check"]).expect_success();
    // No server changes a time by itself.
    let update = quoted(backend, "UPDATE \"Readings\" SET flag = NOT flag");
    database.execute([&update, &update]).await;
    assert_eq!(values(&database).await, before);
}

async fn orphans_are_handed_over_with_every_byte_and_digit(database: Database) {
    let backend = database.backend();
    released(&database).await;
    WITH_INDEX.run(&database, &["up"]).expect_success();
    database
        .execute([older(backend), insert(backend, 77)])
        .await;
    WITH_READINGS.run(&database, &["up"]).expect_error();

    let kept = without_its_orphan(WITH_READINGS, &database);

    assert_eq!(kept["textId"], 77);
    assert_eq!(kept["small"], -7);
    assert_eq!(kept["raw"], "00ff5c27");
    let exact: f64 = kept["exact"].as_str().unwrap().parse().unwrap();
    assert_eq!(exact, 0.1 + 0.2);
    let ratio: f32 = kept["ratio"].as_str().unwrap().parse().unwrap();
    assert_eq!(ratio, 0.1);
    let token = kept["token"].as_str().unwrap().replace('-', "");
    assert_eq!(token, "0f8fad5bd9cb469fa16570867728950e");
    let local = kept["local"].as_str().unwrap();
    assert!(local.ends_with("12:00:00.123456"), "{local}");
    WITH_READINGS.run(&database, &["up"]).expect_success();
}
