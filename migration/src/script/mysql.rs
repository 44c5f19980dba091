//! Each statement commits, and none but a prepared one can be left out: what is due is prepared, or `DO 0`.

use sea_orm::DbBackend;

use super::{Guard, Part, removal};
use crate::{lock, record_table::RecordTable, schema::step::CAREFUL_MODE, sql};

pub(super) fn up(records: &RecordTable, guards: &[Guard], parts: &[Part]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = part.creation.clone();
        statements.push(records.insert(DbBackend::MySql, &part.migration));
        when(
            &format!("NOT {}", records.has(DbBackend::MySql, &part.migration)),
            part,
            &statements,
        )
    });
    turn(records, guards, body)
}

/// The record goes last: where a table cannot be dropped, the next run tries it again.
pub(super) fn down(records: &RecordTable, guards: &[Guard], parts: &[Part]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = removal(DbBackend::MySql, part);
        statements.push(records.delete(DbBackend::MySql, &part.migration));
        when(
            &records.has(DbBackend::MySql, &part.migration),
            part,
            &statements,
        )
    });
    turn(records, guards, body)
}

/// The lock is the session's, and ends with it.
fn turn(
    records: &RecordTable,
    guards: &[Guard],
    body: impl Iterator<Item = String>,
) -> Vec<String> {
    let name = lock::MYSQL_NAME;
    let busy = Guard {
        condition: format!("coalesce(GET_LOCK({name}, 60), 0) <> 1"),
        message: "another migrator is at work: apply this again later",
    };
    let mut statements = vec![
        "SET autocommit = 1;".to_owned(),
        format!("{};", CAREFUL_MODE.set),
        stop_where(&busy),
        records.create(DbBackend::MySql) + ";",
    ];
    statements.extend(guards.iter().map(stop_where));
    statements.extend(body);
    statements.push(format!(
        "\nDO RELEASE_LOCK({name});\n{};",
        CAREFUL_MODE.restore
    ));
    statements
}

/// MySQL raises an error of one's own in no prepared statement, but names a table that is missing.
fn stop_where(guard: &Guard) -> String {
    format!(
        "SET @statement = IF({}, 'SELECT * FROM `{}`', 'DO 0');\
         \nPREPARE statement FROM @statement;\
         \nDEALLOCATE PREPARE statement;",
        guard.condition, guard.message
    )
}

fn when(condition: &str, part: &Part, statements: &[String]) -> String {
    let mut text = format!("\n-- {}\nSET @due = {condition};", part.migration);
    for statement in statements {
        let literal = sql::literal(DbBackend::MySql, statement);
        text += &format!(
            "\nSET @statement = IF(@due, {literal}, 'DO 0');\
             \nPREPARE statement FROM @statement;\
             \nEXECUTE statement;\
             \nDEALLOCATE PREPARE statement;"
        );
    }
    text
}
