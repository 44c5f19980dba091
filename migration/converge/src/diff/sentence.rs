//! Differences in sentences.

use std::fmt;

use super::{Change, Difference};
use crate::{
    facts::{Keys, Limit, counted},
    model::{ForeignKey, Owner, Sequence, Unused},
};

impl Change {
    /// Returns what was found, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let table = &self.table;
        match &self.difference {
            Difference::RequiredAbsent { found, .. } if found.is_empty() => {
                format!("there is no table {table}, and no other table")
            }
            Difference::RequiredAbsent { found, .. } => {
                format!("there is no table {table}; found {}", listed(found))
            }
            Difference::RequiredUnfit { found, .. } => found.clone(),
            Difference::TableAbsent => format!("there is no table {table}"),
            Difference::NotATable { found } => format!("{table} is {found}"),
            Difference::StorageEngine { engine, .. } => {
                format!("{table} is stored by {engine}, which keeps no foreign keys")
            }
            Difference::ColumnAbsent { declared, .. } => {
                format!("there is no column {}", declared.name)
            }
            Difference::Narrow {
                declared, found, ..
            }
            | Difference::WrongType { declared, found } => {
                format!("{} is {}", declared.name, found.printed_type())
            }
            Difference::Unreadable { column, rows } => {
                format!(
                    "{column} holds what the entities cannot read, in {}",
                    counted(*rows)
                )
            }
            Difference::RowsRefused { reported } => format!(
                "{table} has to be rebuilt, and SQLite would refuse its rows or change them: {}",
                reported.join(", ")
            ),
            Difference::Unwritable { reported } => {
                format!("SQLite refuses to write rows: {}", reported.join(", "))
            }
            Difference::InsteadRule { rule } => {
                format!("the rule {rule} replaces INSERTs, UPDATEs or DELETEs by something else")
            }
            Difference::Generated { column } => format!("{column} is a generated column"),
            Difference::Nullable {
                declared, nulls: 0, ..
            } => format!("{} may be NULL", declared.name),
            Difference::Nullable {
                declared, nulls, ..
            } => format!(
                "{} may be NULL, and is in {}",
                declared.name,
                counted(*nulls)
            ),
            Difference::NotNullable { found } => format!("{} is NOT NULL", found.name),
            Difference::PrimaryKey {
                columns,
                numbered,
                found,
                keys,
            } => {
                let key = match found.as_slice() {
                    [] => "there is no primary key".to_owned(),
                    columns => format!("the primary key is ({})", columns.join(", ")),
                };
                let id = match numbered {
                    Some(numbered) => numbered.name.clone(),
                    None => format!("({})", columns.join(", ")),
                };
                format!("{key}{}", in_the_way(&id, keys))
            }
            Difference::AutoIncrement { found, keys, .. } => {
                let default = match &found.default {
                    Some(default) => format!("; its default is {default}"),
                    None => String::new(),
                };
                format!(
                    "{} gets no number of itself{default}{}",
                    found.name,
                    in_the_way(&found.name, keys)
                )
            }
            Difference::NumbersBehind {
                column,
                sequence,
                next,
                largest,
                limits: _,
            } => {
                let (id, limit) = (&column.name, column.kind.largest());
                let of = match sequence {
                    Some(sequence) => sequence.name.clone(),
                    None => format!("{table}.{id}"),
                };
                let is_over = next.is_none_or(|next| next > limit);
                let next = match next {
                    Some(next) => format!("the next number of {of} is {next}"),
                    None => format!("{of} has no number left"),
                };
                let end = match is_over {
                    true => format!("; {id} ends at {limit}"),
                    false => String::new(),
                };
                let owned = sequence.as_ref().map(|sequence| owned(id, sequence));
                format!(
                    "{next}, the largest {id} {largest}{end}{}",
                    owned.unwrap_or_default()
                )
            }
            Difference::SequenceLimited {
                column,
                sequence,
                limits,
            } => {
                let limits: Vec<String> = limits.iter().map(ToString::to_string).collect();
                format!(
                    "{} {}{}",
                    sequence.name,
                    limits.join(" and "),
                    owned(&column.name, sequence)
                )
            }
            Difference::Placement {
                key, parent, child, ..
            } => {
                format!("{table} is {child}, {} is {parent}", key.table)
            }
            Difference::Orphans(orphans) => {
                let column = orphans.key.columns.concat();
                let examples = orphans.examples.iter();
                let examples: Vec<String> = examples
                    .map(|(id, value)| match id {
                        Some(id) => format!("row {id} ({column} {value})"),
                        None => format!("a row of {column} {value}"),
                    })
                    .collect();
                let references = match orphans.count {
                    1 => "references",
                    _ => "reference",
                };
                format!(
                    "{} {references} missing {}, for example {}",
                    counted(orphans.count),
                    orphans.key.table,
                    examples.join(", ")
                )
            }
            Difference::ForeignKeyAbsent { declared } => {
                format!("there is no foreign key on {}", declared.columns.concat())
            }
            Difference::ForeignKeyUnlike { found, .. } if !found.enforced => {
                format!("{} is not enforced", named(found))
            }
            Difference::ForeignKeyUnlike { declared, found }
                if found.on_delete == declared.on_delete =>
            {
                format!(
                    "{} stands in for another one, whose name it gets",
                    named(found)
                )
            }
            Difference::ForeignKeyUnlike { found, .. } => {
                format!("{} has ON DELETE {}", named(found), found.on_delete)
            }
            Difference::ForeignKeyUnvalidated { found, .. } => {
                format!("{} is not validated", named(found))
            }
            Difference::ForeignKeyElsewhere { found, .. } => {
                // SQLite knows no columns of a table that does not exist.
                let references = match found.references.concat().as_str() {
                    "" => String::new(),
                    _ => format!("({})", found.references.join(", ")),
                };
                format!(
                    "{} is ({}) to {}{references}",
                    named(found),
                    found.columns.join(", "),
                    found.table
                )
            }
            Difference::IndexAbsent {
                declared,
                duplicates,
            } => {
                let columns = declared.columns.join(", ");
                match (declared.is_unique, declared.columns.as_slice(), duplicates) {
                    (true, _, 0) => format!("no unique index is on ({columns})"),
                    (true, _, 1) => format!(
                        "no unique index is on ({columns}), of which one combination is in several rows"
                    ),
                    (true, _, count) => format!(
                        "no unique index is on ({columns}), of which {count} combinations are in several rows"
                    ),
                    (false, [column], _) => format!("no index leads with {column}"),
                    (false, ..) => format!("no index leads with ({columns})"),
                }
            }
            Difference::IndexUnfit { found, .. } => match found.unused {
                Some(Unused::Invalid | Unused::InvalidFurnished) => {
                    format!("{} is invalid: its build did not finish", found.name)
                }
                Some(Unused::Hidden(_)) | None => {
                    format!("{} is hidden from the optimizer", found.name)
                }
            },
            Difference::IndexUnique { found, .. } => {
                format!(
                    "{} allows one row for each ({})",
                    found.name,
                    found.columns_in_words()
                )
            }
            Difference::Storage { column, found, .. } if found.is_empty() => {
                format!("{column} is compressed as the server does it")
            }
            Difference::Storage { column, found, .. } => {
                format!("{column} has {}", found.join(", "))
            }
            Difference::InsertBlocked { column } => {
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

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(printed) => write!(f, "gives {printed} numbers"),
            Self::Maximum(maximum) => write!(f, "ends at {maximum}"),
            Self::Cycle => write!(f, "begins again at its end"),
            Self::Descending => write!(f, "counts down"),
        }
    }
}

fn owned(id: &str, sequence: &Sequence) -> String {
    match &sequence.owner {
        Owner::TheColumn => String::new(),
        Owner::Shared(users) => format!("; {users} draws from it too"),
        Owner::NotTheColumn => format!("; {id} does not own it"),
    }
}

fn in_the_way(id: &str, keys: &Keys) -> String {
    let mut parts = Vec::new();
    let has = |rows| if rows == 1 { "has" } else { "have" };
    if keys.null > 0 {
        parts.push(format!("{} {} no {id}", counted(keys.null), has(keys.null)));
    }
    if keys.unnumbered > 0 {
        parts.push(format!(
            "{} {} no {id} and will get the next numbers",
            counted(keys.unnumbered),
            has(keys.unnumbered)
        ));
    }
    if keys.duplicate > 0 {
        parts.push(match keys.duplicate {
            1 => format!("1 {id} occurs more than once"),
            count => format!("{count} values of {id} occur more than once"),
        });
    }
    match parts.as_slice() {
        [] => String::new(),
        parts => format!("; {}", parts.join(" and ")),
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
