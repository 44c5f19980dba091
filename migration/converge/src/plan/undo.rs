//! What one migration alone declares, and how much of it exists and has to be undone.

use crate::{
    declare::{Declared, Role, Shape},
    diff::storage,
    inspect::{Inspection, is_made_of},
    model::{ForeignKey, Index},
};

/// Everything to undo, in an order in which that is possible.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Undo {
    pub(crate) parts: Vec<Undone>,
}

/// One thing to undo.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Undone {
    /// A foreign key as it is found.
    ForeignKey {
        table: String,
        key: ForeignKey,
    },
    Index {
        table: String,
        /// PostgreSQL: the table's schema.
        schema: Option<String>,
        name: String,
    },
    Column {
        table: String,
        column: String,
    },
    /// PostgreSQL: the clauses that restore how the column was stored.
    Storage {
        table: String,
        column: String,
        set: Vec<&'static str>,
    },
    /// The table, if it exists.
    Table {
        table: String,
    },
}

impl Undo {
    /// Returns what the newer shape declares beyond the older one, as far as it is found. A table
    /// that only the newer shape has is dropped, whether it is found or not.
    pub(crate) fn between(older: &Shape, newer: &Shape, current: Option<&Inspection>) -> Self {
        let own = newer.tables.iter().filter(|one| one.role == Role::Own);
        let mut parts = Vec::new();
        let mut tables = Vec::new();
        for declared in own {
            match older.declared(&declared.table.name) {
                Some(before) => {
                    let current = current.into_iter();
                    parts.extend(current.flat_map(|current| within(before, declared, current)));
                }
                None => tables.push(Undone::Table {
                    table: declared.table.name.clone(),
                }),
            }
        }
        // A table that refers to another one was declared after it.
        parts.extend(tables.into_iter().rev());
        Self { parts }
    }

    /// Returns the names of the tables that are dropped.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Undone::Table { table } => Some(table.as_str()),
            Undone::ForeignKey { .. }
            | Undone::Index { .. }
            | Undone::Column { .. }
            | Undone::Storage { .. } => None,
        })
    }
}

/// Returns what was added to a table that was declared before.
fn within(before: &Declared, declared: &Declared, current: &Inspection) -> Vec<Undone> {
    let table = &declared.table.name;
    let Some(found) = current.table(table) else {
        return Vec::new();
    };
    let is_new_key = |key: &&ForeignKey| !before.table.foreign_keys.contains(key);
    let is_new_index = |index: &&Index| !before.table.indexes.contains(index);
    let new_keys = declared.table.foreign_keys.iter().filter(is_new_key);
    let keys = new_keys.filter_map(|key| {
        // Under any name: the declared one may have been taken.
        let is_it = |one: &&ForeignKey| {
            one.columns == key.columns
                && one.table.eq_ignore_ascii_case(&key.table)
                && one.references == key.references
        };
        Some(Undone::ForeignKey {
            table: table.clone(),
            key: found.foreign_keys.iter().find(is_it)?.clone(),
        })
    });
    let new_indexes = declared.table.indexes.iter().filter(is_new_index);
    let indexes = new_indexes.filter_map(|index| {
        let is_it = |one: &&Index| {
            is_made_of(&one.name, &index.name)
                && one.columns == index.columns
                && one.is_unique == index.is_unique
                && !one.has_constraint
                && one.is_plain
        };
        Some(Undone::Index {
            table: table.clone(),
            schema: found.schema.clone(),
            name: found.indexes.iter().find(is_it)?.name.clone(),
        })
    });
    let columns = declared.table.columns.iter();
    let new_columns = columns.filter(|column| before.table.column(&column.name).is_none());
    let columns = new_columns.filter_map(|column| {
        found.column(&column.name)?;
        Some(Undone::Column {
            table: table.clone(),
            column: column.name.clone(),
        })
    });
    let stored = declared.fast_storage.iter();
    let is_older = |column: &&String| before.table.column(column).is_some();
    let newly_stored = stored.filter(|column| !before.fast_storage.contains(column));
    let newly_stored = newly_stored.filter(is_older);
    let storage = newly_stored.filter_map(|column| {
        let set = storage::undone(current, table, column);
        (!set.is_empty()).then(|| Undone::Storage {
            table: table.clone(),
            column: column.clone(),
            set,
        })
    });
    // A column that is dropped takes its indexes and its storage along; only a remaining key would
    // prevent that.
    storage.chain(keys).chain(indexes).chain(columns).collect()
}
