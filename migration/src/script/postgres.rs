//! One transaction, in the migrators' turn.

use sea_orm::DbBackend;

use super::{Guard, Part, removal};
use crate::{
    lock,
    record_table::RecordTable,
    schema::{
        difference::{Scope, storage},
        live,
    },
    sql,
};

pub(super) fn up(
    schema: &str,
    records: &RecordTable,
    guards: &[Guard],
    parts: &[Part],
) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = match part.scope {
            Scope::Everything => store_as_the_server_can(storage::LZ4, storage::UNCOMPRESSED),
            Scope::Documents | Scope::Vectors => terminated(part.creation.clone()),
        };
        statements.push(records.insert(DbBackend::Postgres, &part.migration) + ";");
        when(
            &format!("NOT {}", records.has(DbBackend::Postgres, &part.migration)),
            part,
            &statements,
        )
    });
    transaction(schema, records, guards, body)
}

pub(super) fn down(
    schema: &str,
    records: &RecordTable,
    guards: &[Guard],
    parts: &[Part],
) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = vec![format!(
            "{};",
            records.delete(DbBackend::Postgres, &part.migration)
        )];
        statements.extend(match part.scope {
            Scope::Everything => store_as_the_server_can(storage::SERVERS_OWN, storage::COMPRESSED),
            Scope::Documents | Scope::Vectors => terminated(removal(DbBackend::Postgres, part)),
        });
        when(
            &records.has(DbBackend::Postgres, &part.migration),
            part,
            &statements,
        )
    });
    transaction(schema, records, guards, body)
}

/// Whoever waits for the turn sees afterwards what was done in it.
fn transaction(
    schema: &str,
    records: &RecordTable,
    guards: &[Guard],
    body: impl Iterator<Item = String>,
) -> Vec<String> {
    let schema = sql::identifier(DbBackend::Postgres, schema);
    let mut statements = vec![
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;".to_owned(),
        "SET LOCAL client_min_messages = warning;".to_owned(),
        format!("SET LOCAL search_path = {schema};"),
        format!(
            "DO $turn$ BEGIN PERFORM pg_advisory_xact_lock({}); END $turn$;",
            lock::POSTGRES_KEYS
        ),
        records.create(DbBackend::Postgres) + ";",
    ];
    statements.extend(guards.iter().map(stop_where));
    statements.extend(body);
    statements.push("COMMIT;".to_owned());
    statements
}

fn stop_where(Guard { condition, message }: &Guard) -> String {
    format!(
        "DO $guard$ BEGIN IF {condition} THEN RAISE EXCEPTION '{message}'; END IF; END $guard$;"
    )
}

fn terminated(statements: Vec<String>) -> Vec<String> {
    statements
        .into_iter()
        .map(|statement| statement + ";")
        .collect()
}

/// A server may have been built without lz4, and is asked when the script is run.
fn store_as_the_server_can(with_lz4: &str, without: &str) -> Vec<String> {
    // Executed, not planned: an old server knows no COMPRESSION.
    let alter =
        |set: &str| format!("    EXECUTE 'ALTER TABLE vectors ALTER COLUMN vector_ids SET {set}';");
    vec![
        format!("IF ({}) THEN", live::HAS_LZ4),
        alter(with_lz4),
        "ELSE".to_owned(),
        alter(without),
        "END IF;".to_owned(),
    ]
}

fn when(condition: &str, part: &Part, statements: &[String]) -> String {
    let indented: Vec<String> = statements
        .iter()
        .map(|statement| format!("    {statement}"))
        .collect();
    format!(
        "\n-- {}\nDO $migration$ BEGIN\nIF {condition} THEN\n{}\nEND IF;\nEND $migration$;",
        part.migration,
        indented.join("\n")
    )
}
