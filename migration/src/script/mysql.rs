//! Each statement commits, and none but a prepared one can be left out: what is due is prepared, or `DO 0`.

use sea_orm::DbBackend;

use super::{Part, creation, is_recorded, removal};
use crate::{lock, schema::step};

pub(super) fn up(parts: &[Part]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = creation(DbBackend::MySql, part);
        statements.push(step::record(DbBackend::MySql, &part.migration));
        when(
            &format!("NOT {}", is_recorded(&part.migration)),
            part,
            &statements,
        )
    });
    let records = step::create_records(DbBackend::MySql) + ";";
    turn(std::iter::once(records).chain(body))
}

/// The record goes first: nothing is recorded that is not there.
pub(super) fn down(parts: &[Part]) -> Vec<String> {
    let body = parts.iter().map(|part| {
        let mut statements = vec![step::forget(&part.migration)];
        statements.extend(removal(DbBackend::MySql, part));
        when(&is_recorded(&part.migration), part, &statements)
    });
    turn(body)
}

/// The lock is the session's, and ends with it.
fn turn(body: impl Iterator<Item = String>) -> Vec<String> {
    let name = lock::MYSQL_NAME;
    let mut statements = vec![format!("DO GET_LOCK({name}, 60);")];
    statements.extend(body);
    statements.push(format!("\nDO RELEASE_LOCK({name});"));
    statements
}

fn when(condition: &str, part: &Part, statements: &[String]) -> String {
    let mut text = format!("\n-- {}\nSET @due = {condition};", part.migration);
    for statement in statements {
        let literal = statement.replace('\'', "''");
        text += &format!(
            "\nSET @statement = IF(@due, '{literal}', 'DO 0');\
             \nPREPARE statement FROM @statement;\
             \nEXECUTE statement;\
             \nDEALLOCATE PREPARE statement;"
        );
    }
    text
}
