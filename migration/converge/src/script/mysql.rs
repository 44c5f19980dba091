//! MySQL's scripts. Each statement commits, and only a prepared statement can be skipped: what is
//! prepared is the pending statement or `DO 0`.

use super::{Guard, Part, Records, where_missing};
use crate::{
    engine::Engine,
    lock,
    plan::{CAREFUL_MODE, Setting},
    sql,
};

const BACKEND: Engine = Engine::MySql;

pub(super) fn up(records: &dyn Records, guards: &[Guard], parts: &[Part<'_>]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let required = part.required.iter().flat_map(|one| &one.statements);
        let mut statements: Vec<String> = required.map(|one| where_missing(one)).collect();
        statements.extend(part.statements.iter().cloned());
        statements.push(records.insert(part.migration));
        when(
            &format!("NOT {}", records.has(part.migration)),
            part,
            &statements,
        )
    });
    lock(records, guards, body)
}

/// Returns the statements of `down`. The record is deleted last: if a table cannot be dropped, the
/// next run tries again.
pub(super) fn down(records: &dyn Records, guards: &[Guard], parts: &[Part<'_>]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = part.statements.clone();
        statements.push(records.delete(part.migration));
        when(&records.has(part.migration), part, &statements)
    });
    lock(records, guards, body)
}

/// Settings of the session in which the script runs: queries may examine any number of rows
/// (`max_join_size`), and the isolation level is one that allows a binary log of statements.
const OURS: Setting = Setting {
    set: "SET @colpali_big_selects = @@SESSION.sql_big_selects, SESSION sql_big_selects = 1, \
          @colpali_isolation = @@SESSION./*M! tx_isolation *//*!50701 transaction_isolation */, \
          SESSION /*M! tx_isolation *//*!50701 transaction_isolation */ = 'REPEATABLE-READ'",
    restore: "SET SESSION sql_big_selects = @colpali_big_selects, \
              SESSION /*M! tx_isolation *//*!50701 transaction_isolation */ = @colpali_isolation",
};

/// Returns the statements that acquire the migration lock, which belongs to the session and ends
/// with it.
fn lock(
    records: &dyn Records,
    guards: &[Guard],
    body: impl Iterator<Item = String>,
) -> Vec<String> {
    let name = lock::MYSQL_NAME;
    let busy = Guard::new(
        format!("coalesce(GET_LOCK({name}, 60), 0) <> 1"),
        "another migrator is at work: apply this again later",
    );
    let mut statements = vec![
        "SET autocommit = 1;".to_owned(),
        format!("{};", CAREFUL_MODE.set),
        format!("{};", OURS.set),
        stop_where(&busy),
        records.create() + ";",
    ];
    statements.extend(guards.iter().map(stop_where));
    statements.extend(body);
    statements.push(format!(
        "\nDO RELEASE_LOCK({name});\n{};\n{};",
        OURS.restore, CAREFUL_MODE.restore
    ));
    statements
}

/// Returns a statement that stops the script. MySQL raises no message of one's own in a prepared
/// statement, but names a table that is missing.
fn stop_where(Guard { condition, message }: &Guard) -> String {
    let missing = format!("SELECT * FROM {}", sql::identifier(BACKEND, message));
    format!(
        "SET @statement = IF({condition}, {}, 'DO 0');\
         \nPREPARE statement FROM @statement;\
         \nDEALLOCATE PREPARE statement;",
        sql::literal(BACKEND, &missing)
    )
}

fn when(condition: &str, part: &Part<'_>, statements: &[String]) -> String {
    let mut text = format!("\n-- {}\nSET @due = {condition};", part.migration);
    for statement in statements {
        let literal = sql::literal(BACKEND, statement);
        text += &format!(
            "\nSET @statement = IF(@due, {literal}, 'DO 0');\
             \nPREPARE statement FROM @statement;\
             \nEXECUTE statement;\
             \nDEALLOCATE PREPARE statement;"
        );
    }
    text
}
