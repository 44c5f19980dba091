//! SQLite's scripts: one transaction. No condition can skip a statement of SQLite, so each can be
//! repeated, or a guard stops the script.

use super::{Guard, Part, Records, where_missing};
use crate::{engine::Engine, sql};

pub(super) fn up(records: &dyn Records, guards: &[Guard], parts: &[Part<'_>]) -> Vec<String> {
    let body = parts.iter().flat_map(|part| {
        let required = part.required.iter().flat_map(|one| &one.statements);
        let all = required.chain(&part.statements);
        let mut statements: Vec<String> = all.map(|one| where_missing(one)).collect();
        let record = records.insert(part.migration);
        statements.push(record.replacen("INSERT", "INSERT OR IGNORE", 1));
        titled(part, statements)
    });
    transaction(records, guards, body)
}

pub(super) fn down(records: &dyn Records, guards: &[Guard], parts: &[Part<'_>]) -> Vec<String> {
    let body = parts.iter().flat_map(|part| {
        let mut statements = vec![records.delete(part.migration)];
        statements.extend(part.statements.iter().cloned());
        titled(part, statements)
    });
    transaction(records, guards, body)
}

fn titled(part: &Part<'_>, statements: Vec<String>) -> Vec<String> {
    let statements = statements.into_iter().map(|statement| statement + ";");
    std::iter::once(format!("\n-- {}", part.migration))
        .chain(statements)
        .collect()
}

/// Returns the transaction. `.bail` ends the script, and with it the transaction, at the first
/// error.
fn transaction(
    records: &dyn Records,
    guards: &[Guard],
    body: impl Iterator<Item = String>,
) -> Vec<String> {
    let mut statements = vec![
        ".bail on".to_owned(),
        ".timeout 60000".to_owned(),
        "BEGIN IMMEDIATE;".to_owned(),
        records.create() + ";",
    ];
    statements.extend(guards.iter().map(stop_where));
    statements.extend(body);
    statements.push("COMMIT;".to_owned());
    statements
}

/// Returns a statement that stops the script. SQLite raises a message of one's own only as the name
/// of a constraint.
fn stop_where(Guard { condition, message }: &Guard) -> String {
    format!(
        "CREATE TEMP TABLE guard (found INTEGER CONSTRAINT {} CHECK (NOT found));\n\
         INSERT INTO guard SELECT {condition};\n\
         DROP TABLE guard;",
        sql::identifier(Engine::Sqlite, message)
    )
}
