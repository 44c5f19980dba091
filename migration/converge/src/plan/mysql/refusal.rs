//! What MySQL and MariaDB would refuse because of other properties of the table, with the next
//! step.

use super::quoted;
use crate::{
    model::{ForeignKey, Table},
    plan::Obstacle,
};

/// The largest number of indexes of an InnoDB table.
const MOST_INDEXES: usize = 64;

/// Refuses to make a column NOT NULL. A key with the declared columns and parent gets the declared
/// ON DELETE before that, and keeps its ON UPDATE.
pub(super) fn of_not_null(
    column: &str,
    declared: &Table,
    found: Option<&Table>,
) -> Result<(), Obstacle> {
    let is_replaced = |key: &ForeignKey| {
        let mut keys = declared.foreign_keys.iter();
        keys.any(|one| one.columns == key.columns && one.table == key.table)
    };
    let sets_null = |key: &&ForeignKey| {
        key.columns.iter().any(|one| one == column)
            && (key.on_update == "SET NULL" || key.on_delete == "SET NULL" && !is_replaced(key))
    };
    let mut keys = found.into_iter().flat_map(|table| &table.foreign_keys);
    match keys.find(sets_null) {
        Some(key) => Err(Obstacle::Manual(format!(
            "the foreign key {} sets {column} to NULL: replace it by one that does not, then repair",
            key.name.as_deref().unwrap_or_default()
        ))),
        None => Ok(()),
    }
}

/// Refuses to make a column AUTO_INCREMENT.
pub(super) fn of_numbers(column: &str, found: Option<&Table>) -> Result<(), Obstacle> {
    let Some(found) = found else {
        return Ok(());
    };
    if let Some(other) = found.auto_increment()
        && other.name != column
    {
        return Err(Obstacle::Manual(format!(
            "a table has one AUTO_INCREMENT column, which is {}: take it from there, then repair",
            other.name
        )));
    }
    let reads = |(_, expression): &&(String, String)| {
        let expression = expression.to_lowercase();
        expression.contains(&quoted(&column.to_lowercase()))
    };
    match found.extras.expressions.iter().find(reads) {
        Some((reader, _)) => Err(Obstacle::Manual(format!(
            "an expression may read no AUTO_INCREMENT column: drop the {reader}, then repair"
        ))),
        None => Ok(()),
    }
}

/// Refuses a further index.
pub(super) fn of_index(found: Option<&Table>) -> Result<(), Obstacle> {
    match found.is_some_and(|table| table.indexes.len() >= MOST_INDEXES) {
        true => Err(Obstacle::Manual(format!(
            "a table has at most {MOST_INDEXES} indexes: drop one that nobody needs, then repair"
        ))),
        false => Ok(()),
    }
}

/// Refuses a foreign key, for which InnoDB creates an index if none begins with its columns.
pub(super) fn of_foreign_key(key: &ForeignKey, found: Option<&Table>) -> Result<(), Obstacle> {
    let mut indexes = found.into_iter().flat_map(|table| &table.indexes);
    match indexes.any(|index| index.columns.starts_with(&key.columns)) {
        true => Ok(()),
        false => of_index(found),
    }
}
