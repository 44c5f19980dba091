//! One transaction. SQLite leaves out no statement by a condition, so that each can be repeated, and a
//! table that no migration has made is looked for first.

use sea_orm::DbBackend;

use super::{Part, creation, is_recorded, removal};
use crate::schema::{declared::VECTORS, difference::Scope, step};

pub(super) fn up(parts: &[Part]) -> Vec<String> {
    let body = parts.iter().flat_map(|part| {
        let mut statements = creation(DbBackend::Sqlite, part);
        let record = step::record(DbBackend::Sqlite, &part.migration);
        statements.push(record.replacen("INSERT", "INSERT OR IGNORE", 1));
        titled(part, statements)
    });
    transaction(parts, body)
}

pub(super) fn down(parts: &[Part]) -> Vec<String> {
    let body = parts.iter().flat_map(|part| {
        let mut statements = vec![step::forget(&part.migration)];
        statements.extend(removal(DbBackend::Sqlite, part));
        titled(part, statements)
    });
    transaction(parts, body)
}

fn titled(part: &Part, statements: Vec<String>) -> Vec<String> {
    let statements = statements.into_iter().map(|statement| statement + ";");
    std::iter::once(format!("\n-- {}", part.migration))
        .chain(statements)
        .collect()
}

/// `.bail` ends the script, and with it the transaction, at the first error.
fn transaction(parts: &[Part], body: impl Iterator<Item = String>) -> Vec<String> {
    let mut statements = vec![
        ".bail on".to_owned(),
        "BEGIN IMMEDIATE;".to_owned(),
        step::create_records(DbBackend::Sqlite) + ";",
    ];
    let makes_vectors = |part: &&Part| part.scope == Scope::Vectors;
    statements.extend(parts.iter().find(makes_vectors).map(stop_at_others));
    statements.extend(body);
    statements.push("COMMIT;".to_owned());
    statements
}

/// SQLite raises an error of one's own only as the name of a constraint.
fn stop_at_others(part: &Part) -> String {
    format!(
        "CREATE TEMP TABLE others (tables INTEGER\n    \
         CONSTRAINT \"there is a table vectors that no migration has made: use `migration up`\" CHECK (tables = 0));\n\
         INSERT INTO others SELECT count(*) FROM sqlite_schema\n    \
         WHERE lower(name) = '{VECTORS}' AND NOT {};\n\
         DROP TABLE others;",
        is_recorded(&part.migration)
    )
}
