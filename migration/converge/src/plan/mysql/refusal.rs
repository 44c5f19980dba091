//! What MySQL and MariaDB would refuse because of what else the table has, with the next step.

use super::quoted;
use crate::{
    diff::{Change, Difference},
    model::{ForeignKey, Table},
};

/// The most indexes that a table of InnoDB has.
const MOST_INDEXES: usize = 64;

pub(super) fn of(change: &Change, declared: &Table, found: &Table) -> Option<String> {
    match &change.difference {
        Difference::Nullable { found: column, .. } => set_null(&column.name, declared, found),
        Difference::AutoIncrement { found: column, .. }
        | Difference::PrimaryKey {
            numbered: Some(column),
            ..
        } => numbered(&column.name, found).or_else(|| index(found, change)),
        Difference::PrimaryKey { numbered: None, .. } | Difference::IndexAbsent { .. } => {
            index(found, change)
        }
        Difference::RequiredAbsent { .. }
        | Difference::RequiredUnfit { .. }
        | Difference::TableAbsent
        | Difference::NotATable { .. }
        | Difference::StorageEngine { .. }
        | Difference::ColumnAbsent { .. }
        | Difference::Narrow { .. }
        | Difference::WrongType { .. }
        | Difference::Generated { .. }
        | Difference::Unreadable { .. }
        | Difference::RowsRefused { .. }
        | Difference::InsteadRule { .. }
        | Difference::NotNullable { .. }
        | Difference::NumbersBehind { .. }
        | Difference::SequenceLimited { .. }
        | Difference::Placement { .. }
        | Difference::Orphans(_)
        | Difference::ForeignKeyAbsent { .. }
        | Difference::ForeignKeyUnlike { .. }
        | Difference::ForeignKeyUnvalidated { .. }
        | Difference::ForeignKeyElsewhere { .. }
        | Difference::IndexUnfit { .. }
        | Difference::IndexUnique { .. }
        | Difference::Storage { .. }
        | Difference::InsertBlocked { .. } => None,
    }
}

/// A key with the declared columns gets the declared ON DELETE before, and keeps its ON UPDATE.
fn set_null(column: &str, declared: &Table, found: &Table) -> Option<String> {
    let is_replaced = |key: &ForeignKey| {
        let mut keys = declared.foreign_keys.iter();
        keys.any(|one| one.columns == key.columns)
    };
    let sets_null = |key: &&ForeignKey| {
        key.columns.iter().any(|one| one == column)
            && (key.on_update == "SET NULL" || key.on_delete == "SET NULL" && !is_replaced(key))
    };
    let key = found.foreign_keys.iter().find(sets_null)?;
    Some(format!(
        "the foreign key {} sets {column} to NULL: replace it by one that does not, then repair",
        key.name.as_deref().unwrap_or_default()
    ))
}

fn numbered(column: &str, found: &Table) -> Option<String> {
    if let Some(other) = found.auto_increment()
        && other.name != column
    {
        return Some(format!(
            "a table has one AUTO_INCREMENT column, which is {}: take it from there, then repair",
            other.name
        ));
    }
    let reads = |(_, expression): &&(String, String)| {
        let expression = expression.to_lowercase();
        expression.contains(&quoted(&column.to_lowercase()))
    };
    let (reader, _) = found.extras.expressions.iter().find(reads)?;
    Some(format!(
        "an expression may read no AUTO_INCREMENT column: drop the {reader}, then repair"
    ))
}

/// A number in place of an existing key adds no index.
fn index(found: &Table, change: &Change) -> Option<String> {
    let adds_none = matches!(change.difference, Difference::AutoIncrement { .. });
    (found.indexes.len() >= MOST_INDEXES && !adds_none).then(|| {
        format!(
            "a table has at most {MOST_INDEXES} indexes: drop one that nobody needs, then repair"
        )
    })
}
