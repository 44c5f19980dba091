//! One transaction, in the migrators' turn.

use sea_orm::DbBackend;

use super::{Guard, Part, creation, is_recorded, removal};
use crate::{
    lock,
    schema::{
        difference::{Scope, storage},
        live, step,
    },
    sql,
};

pub(super) fn up(schema: &str, guards: &[Guard], parts: &[Part]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = match part.scope {
            Scope::Everything => store_as_the_server_can(storage::LZ4, storage::UNCOMPRESSED),
            _ => terminated(creation(DbBackend::Postgres, part)),
        };
        statements.push(step::record(DbBackend::Postgres, &part.migration) + ";");
        when(
            &format!("NOT {}", is_recorded(DbBackend::Postgres, &part.migration)),
            part,
            &statements,
        )
    });
    transaction(schema, guards, body)
}

pub(super) fn down(schema: &str, guards: &[Guard], parts: &[Part]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = vec![format!(
            "{};",
            step::forget(DbBackend::Postgres, &part.migration)
        )];
        statements.extend(match part.scope {
            Scope::Everything => store_as_the_server_can(storage::SERVERS_OWN, storage::COMPRESSED),
            _ => terminated(removal(DbBackend::Postgres, part)),
        });
        when(
            &is_recorded(DbBackend::Postgres, &part.migration),
            part,
            &statements,
        )
    });
    transaction(schema, guards, body)
}

/// Whoever waits for the turn sees afterwards what was done in it.
fn transaction(schema: &str, guards: &[Guard], body: impl Iterator<Item = String>) -> Vec<String> {
    let schema = sql::identifier(DbBackend::Postgres, schema);
    let mut statements = vec![
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;".to_owned(),
        "SET LOCAL client_min_messages = warning;".to_owned(),
        format!("SET LOCAL search_path = {schema};"),
        format!(
            "DO $turn$ BEGIN PERFORM pg_advisory_xact_lock({}); END $turn$;",
            lock::POSTGRES_KEYS
        ),
        step::create_records(DbBackend::Postgres) + ";",
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
