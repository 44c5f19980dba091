//! PostgreSQL's scripts: one transaction, under the migration lock.

use super::{
    Guard, Part, Records, catalog,
    part::{Creation, Storage},
};
use crate::{citus, engine::Engine, inspect, lock, sql};

const BACKEND: Engine = Engine::Postgres;

pub(super) fn up(
    schema: &str,
    records: &dyn Records,
    guards: &[Guard],
    parts: &[Part<'_>],
) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements: Vec<String> = part.required.iter().map(create_where_missing).collect();
        statements.extend(part.parents.iter().map(|parent| stop_beside_shards(parent)));
        statements.extend(terminated(&part.statements));
        statements.extend(part.storage.iter().flat_map(store_as_the_server_can));
        statements.push(records.insert(part.migration) + ";");
        when(
            &format!("NOT {}", records.has(part.migration)),
            part,
            &statements,
        )
    });
    transaction(schema, records, guards, body)
}

/// Returns the statements of `down`. A column's storage is restored while the column exists.
pub(super) fn down(
    schema: &str,
    records: &dyn Records,
    guards: &[Guard],
    parts: &[Part<'_>],
) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = vec![records.delete(part.migration) + ";"];
        statements.extend(part.storage.iter().flat_map(store_as_the_server_can));
        statements.extend(terminated(&part.statements));
        when(&records.has(part.migration), part, &statements)
    });
    transaction(schema, records, guards, body)
}

/// Returns the transaction. A session that waits for the lock sees afterwards what was done under
/// it.
fn transaction(
    schema: &str,
    records: &dyn Records,
    guards: &[Guard],
    body: impl Iterator<Item = String>,
) -> Vec<String> {
    let schema = sql::identifier(BACKEND, schema);
    let mut statements = vec![
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;".to_owned(),
        "SET LOCAL client_min_messages = warning;".to_owned(),
        format!("SET LOCAL search_path = {schema};"),
        format!(
            "DO $lock$ BEGIN PERFORM pg_advisory_xact_lock({}); END $lock$;",
            lock::POSTGRES_KEYS
        ),
        format!("{};", citus::COORDINATOR_ALONE),
        records.create() + ";",
    ];
    statements.extend(guards.iter().map(stop_where));
    statements.extend(body);
    statements.push("COMMIT;".to_owned());
    statements
}

fn stop_where(Guard { condition, message }: &Guard) -> String {
    // RAISE inserts a value for a percent sign.
    let message = sql::literal(BACKEND, &message.replace('%', "%%"));
    format!("DO $guard$ BEGIN IF {condition} THEN RAISE EXCEPTION {message}; END IF; END $guard$;")
}

/// Returns a guard for distributed parents. A table that is created in a block is local, even if
/// Citus distributes those that are created outside of one, and its foreign key to distributed rows
/// neither cascades nor blocks.
fn stop_beside_shards(parent: &str) -> String {
    let table = catalog::regclass(parent);
    let message = sql::literal(
        BACKEND,
        &format!("Citus distributes {parent}: use migration up"),
    );
    let stop = format!("RAISE EXCEPTION USING MESSAGE = {message};");
    // The inner condition is planned only if the outer one holds: a server without Citus has no
    // such table.
    format!(
        "IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
      IF EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid = {table}
                 AND (partmethod <> 'n' OR repmodel <> 't' AND colocationid > 0)) THEN {stop}
      END IF;
    END IF;"
    )
}

fn terminated(statements: &[String]) -> impl Iterator<Item = String> {
    statements.iter().map(|statement| format!("{statement};"))
}

/// Returns a block that creates a table if it is missing. The mark is set only on a table that is
/// created here.
fn create_where_missing(Creation { table, statements }: &Creation<'_>) -> String {
    let table = catalog::regclass(table);
    let create = statements.join(";\n    ");
    format!("IF {table} IS NULL THEN\n    {create};\n    END IF;")
}

fn store_as_the_server_can(Storage { with_lz4, without }: &Storage) -> Vec<String> {
    // The statement is executed dynamically: an old server does not know COMPRESSION.
    let execute = |alter: &String| format!("    EXECUTE {};", sql::literal(BACKEND, alter));
    let mut statements = vec![format!("IF ({}) THEN", inspect::HAS_LZ4)];
    statements.extend(with_lz4.iter().map(execute));
    statements.push("ELSE".to_owned());
    statements.extend(without.iter().map(execute));
    statements.push("END IF;".to_owned());
    statements
}

fn when(condition: &str, part: &Part<'_>, statements: &[String]) -> String {
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
