//! What was found, for people.

use super::Difference;
use crate::schema::{
    live::{ForeignKey, Owner, Sequence, Unused},
    rows::{Ids, counted},
};

impl Difference {
    /// What was found, for people.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::DocumentsAbsent { found, .. } if found.is_empty() => {
                "there is no table documents, and no other table".to_owned()
            }
            Self::DocumentsAbsent { found, .. } => {
                format!("there is no table documents; found {}", listed(found))
            }
            Self::DocumentsUnfit { found, .. } => found.clone(),
            Self::TableAbsent => "there is no table vectors".to_owned(),
            Self::NotATable { found } => format!("vectors is {found}"),
            Self::StorageEngine { engine, .. } => {
                format!("vectors is stored by {engine}, which keeps no foreign keys")
            }
            Self::ColumnAbsent { column, .. } => format!("there is no column {column}"),
            Self::Narrow { column, live, .. } | Self::WrongType { column, live } => {
                format!("{column} is {}", live.declared)
            }
            Self::Unreadable { column, rows } => {
                format!(
                    "{column} holds what the entities cannot read, in {}",
                    counted(*rows)
                )
            }
            Self::InsteadRule { rule } => {
                format!("the rule {rule} does something else instead of what it is told")
            }
            Self::Generated { column } => format!("{column} is a generated column"),
            Self::Nullable {
                column, nulls: 0, ..
            } => format!("{column} may be NULL"),
            Self::Nullable { column, nulls, .. } => {
                format!("{column} may be NULL, and is in {}", counted(*nulls))
            }
            Self::PrimaryKey { found, ids, .. } => {
                let key = match found.as_slice() {
                    [] => "there is no primary key".to_owned(),
                    columns => format!("the primary key is ({})", columns.join(", ")),
                };
                format!("{key}{}", in_the_way(ids))
            }
            Self::AutoIncrement { live, ids, .. } => {
                let default = match &live.default {
                    Some(default) => format!("; its default is {default}"),
                    None => String::new(),
                };
                format!("id gets no number of itself{default}{}", in_the_way(ids))
            }
            Self::SequenceBehind {
                sequence,
                next,
                largest,
                narrow: _,
            } => {
                let end = match i32::try_from(*next) {
                    Ok(_) => String::new(),
                    Err(_) => format!("; id ends at {}", i32::MAX),
                };
                format!(
                    "the next number of {} is {next}, the largest id {largest}{end}{}",
                    sequence.name,
                    owned(sequence)
                )
            }
            Self::SequenceNarrow { sequence, declared } => {
                format!(
                    "{} gives {declared} numbers{}",
                    sequence.name,
                    owned(sequence)
                )
            }
            Self::Placement { documents, vectors } => {
                format!("vectors is {vectors}, documents is {documents}")
            }
            Self::Orphans(orphans) => {
                let examples: Vec<String> = orphans
                    .examples
                    .iter()
                    .map(|(id, doc_id)| format!("id {id} of document {doc_id}"))
                    .collect();
                let count = counted(orphans.count);
                format!(
                    "the document of {count} does not exist, for example {}",
                    examples.join(", ")
                )
            }
            Self::ForeignKeyAbsent => "there is no foreign key on doc_id".to_owned(),
            Self::ForeignKeyUnlike { key } if !key.enforced => {
                format!("{} is not enforced", named(key))
            }
            Self::ForeignKeyUnlike { key } if key.on_delete == "CASCADE" => {
                format!(
                    "{} has the place of another, whose name it gets",
                    named(key)
                )
            }
            Self::ForeignKeyUnlike { key } => {
                format!("{} has ON DELETE {}", named(key), key.on_delete)
            }
            Self::ForeignKeyUnvalidated { key } => format!("{} is not validated", named(key)),
            Self::ForeignKeyElsewhere { key } => format!(
                "{} is ({}) to {}({})",
                named(key),
                key.columns.join(", "),
                key.table,
                key.references.join(", ")
            ),
            Self::IndexAbsent => "no index leads with doc_id".to_owned(),
            Self::IndexUnfit { index } => match index.unused {
                Some(Unused::Invalid) => {
                    format!("{} is invalid: its build did not finish", index.name)
                }
                Some(Unused::Hidden(_)) | None => {
                    format!("{} is hidden from the optimizer", index.name)
                }
            },
            Self::IndexUnique { index } => {
                format!(
                    "{} allows one row for each ({})",
                    index.name,
                    index.columns.join(", ")
                )
            }
            Self::Storage { found, .. } if found.is_empty() => {
                "vector_ids is compressed as the server does it".to_owned()
            }
            Self::Storage { found, .. } => format!("vector_ids has {}", found.join(", ")),
            Self::InsertBlocked { column } => {
                format!("{column} is NOT NULL and has no default, so that every INSERT fails")
            }
        }
    }
}

fn named(key: &ForeignKey) -> String {
    match &key.name {
        Some(name) => format!("the foreign key {name}"),
        None => "the foreign key".to_owned(),
    }
}

fn owned(sequence: &Sequence) -> String {
    match &sequence.owner {
        Owner::TheColumn => String::new(),
        Owner::Shared(users) => format!("; {users} draws from it too"),
        Owner::NotTheColumn => "; id does not own it".to_owned(),
    }
}

fn in_the_way(ids: &Ids) -> String {
    let mut parts = Vec::new();
    if ids.null > 0 {
        parts.push(format!("{} without an id", counted(ids.null)));
    }
    if ids.duplicate > 0 {
        parts.push(format!("{} ids more than once", ids.duplicate));
    }
    match parts.as_slice() {
        [] => String::new(),
        parts => format!("; there are {}", parts.join(" and ")),
    }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}
