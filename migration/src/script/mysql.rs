//! Each statement commits, and none but a prepared one can be left out: what is due is prepared, or `DO 0`.

use sea_orm::DbBackend;

use super::{Guard, Part, creation, is_recorded, removal};
use crate::{lock, schema::step, sql};

pub(super) fn up(guards: &[Guard], parts: &[Part]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = creation(DbBackend::MySql, part);
        statements.push(step::record(DbBackend::MySql, &part.migration));
        when(
            &format!("NOT {}", is_recorded(DbBackend::MySql, &part.migration)),
            part,
            &statements,
        )
    });
    turn(guards, body)
}

/// The record goes last: where a table cannot be dropped, the next run tries it again.
pub(super) fn down(guards: &[Guard], parts: &[Part]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = removal(DbBackend::MySql, part);
        statements.push(step::forget(DbBackend::MySql, &part.migration));
        when(
            &is_recorded(DbBackend::MySql, &part.migration),
            part,
            &statements,
        )
    });
    turn(guards, body)
}

/// The lock is the session's, and ends with it.
fn turn(guards: &[Guard], body: impl Iterator<Item = String>) -> Vec<String> {
    let name = lock::MYSQL_NAME;
    let busy = Guard {
        condition: format!("coalesce(GET_LOCK({name}, 60), 0) <> 1"),
        message: "another migrator is at work: apply this again later",
    };
    let mut statements = vec![
        "SET autocommit = 1;".to_owned(),
        stop_where(&busy),
        step::create_records(DbBackend::MySql) + ";",
    ];
    statements.extend(guards.iter().map(stop_where));
    statements.extend(body);
    statements.push(format!("\nDO RELEASE_LOCK({name});"));
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
