//! One transaction. SQLite leaves out no statement by a condition, so that each can be repeated.

use sea_orm::DbBackend;

use super::{Guard, Part, removal};
use crate::record_table::RecordTable;

pub(super) fn up(records: &RecordTable, guards: &[Guard], parts: &[Part]) -> Vec<String> {
    let body = parts.iter().flat_map(|part| {
        let mut statements = part.creation.clone();
        let record = records.insert(DbBackend::Sqlite, &part.migration);
        statements.push(record.replacen("INSERT", "INSERT OR IGNORE", 1));
        titled(part, statements)
    });
    transaction(records, guards, body)
}

pub(super) fn down(records: &RecordTable, guards: &[Guard], parts: &[Part]) -> Vec<String> {
    let body = parts.iter().flat_map(|part| {
        let mut statements = vec![records.delete(DbBackend::Sqlite, &part.migration)];
        statements.extend(removal(DbBackend::Sqlite, part));
        titled(part, statements)
    });
    transaction(records, guards, body)
}

fn titled(part: &Part, statements: Vec<String>) -> Vec<String> {
    let statements = statements.into_iter().map(|statement| statement + ";");
    std::iter::once(format!("\n-- {}", part.migration))
        .chain(statements)
        .collect()
}

/// `.bail` ends the script, and with it the transaction, at the first error.
fn transaction(
    records: &RecordTable,
    guards: &[Guard],
    body: impl Iterator<Item = String>,
) -> Vec<String> {
    let mut statements = vec![
        ".bail on".to_owned(),
        ".timeout 60000".to_owned(),
        "BEGIN IMMEDIATE;".to_owned(),
        records.create(DbBackend::Sqlite) + ";",
    ];
    statements.extend(guards.iter().map(stop_where));
    statements.extend(body);
    statements.push("COMMIT;".to_owned());
    statements
}

/// SQLite raises an error of one's own only as the name of a constraint.
fn stop_where(Guard { condition, message }: &Guard) -> String {
    format!(
        "CREATE TEMP TABLE guard (found INTEGER CONSTRAINT \"{message}\" CHECK (NOT found));\n\
         INSERT INTO guard SELECT {condition};\n\
         DROP TABLE guard;"
    )
}
