//! What can be done about a difference without losing or inventing data.

use super::{Creation, Difference, Part, placement};
use crate::schema::{
    declared::PRIMARY_KEY,
    live::{Column, ColumnKind, Owner},
    step::Steps,
};
use crate::sql;
use sea_orm::DbBackend;

/// The next step where there is no `documents`.
pub(crate) const DOCUMENTS_ARE_NOT_OURS: &str = "it belongs to the application: start that first, which makes it, \
    or name the database and schema that hold it. Where no application will make one, have it made: \
    --create-documents, or MIGRATION_CREATE_DOCUMENTS_IN with the name of the database (in a program: Runner::create_documents)";

/// What can be done about a difference. A difference that nobody has planned a step for cannot be
/// called repairable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// These steps fix it without losing or inventing data.
    Repair(Steps),
    /// Nothing fixes it yet.
    Left(Obstacle),
}

/// Why a difference is not fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Done when asked for by name.
    DeleteOrphans,
    /// Nothing before this part is as declared.
    After(Part),
    /// Somebody has to decide; the next step.
    Person(String),
}

impl Remedy {
    pub(crate) fn is_repair(&self) -> bool {
        self.steps().is_some()
    }

    pub(crate) fn steps(&self) -> Option<&Steps> {
        match self {
            Self::Repair(steps) => Some(steps),
            Self::Left(_) => None,
        }
    }
}

impl Obstacle {
    /// A difference that no step of this engine fixes.
    pub(crate) fn unplanned() -> Self {
        Self::Person("change it by hand: no step is known that does it on this engine".to_owned())
    }
}

impl Difference {
    /// What keeps it from being fixed, given the other differences.
    pub(crate) fn obstacle(&self, all: &[Self]) -> Option<Obstacle> {
        if all.iter().any(|other| self.is_told_with_the_type_of(other)) {
            return Some(Obstacle::Person("change its type first".to_owned()));
        }
        match self.in_the_way(all) {
            Some(part) => Some(Obstacle::After(part)),
            None => self.own_obstacle(),
        }
    }

    /// MySQL states the type of a column together with its NOT NULL, so that a type that somebody has to
    /// decide about would be changed along.
    fn is_told_with_the_type_of(&self, other: &Self) -> bool {
        let (
            Self::Nullable { column, .. },
            Self::WrongType {
                column: undecided, ..
            },
        ) = (self, other)
        else {
            return false;
        };
        column == undecided
    }

    fn own_obstacle(&self) -> Option<Obstacle> {
        let person = |next_step: &str| Some(Obstacle::Person(next_step.to_owned()));
        match self {
            Self::DocumentsAbsent {
                creation: Creation::NotOurs,
                ..
            } => person(DOCUMENTS_ARE_NOT_OURS),
            Self::DocumentsAbsent {
                creation: Creation::TooLate,
                ..
            } => person(
                "vectors is there, so its documents were there too: bring them back, or name the database and schema that hold them",
            ),
            Self::DocumentsUnfit { next_step, .. } => person(next_step),
            Self::NotATable { .. } => person(
                "what holds its rows is not ours to change: rename it, then `up` makes the table",
            ),
            Self::StorageEngine {
                numbers_within_a_group: true,
                ..
            } => person(
                "its numbers repeat from group to group, which InnoDB cannot do: put an index that leads with the numbered column beside it, then repair",
            ),
            Self::ColumnAbsent { empty: true, .. } => {
                person("the table has no rows: drop it, then `up` makes it anew")
            }
            Self::ColumnAbsent { .. } => person(
                "its values cannot be invented: add the column and fill it, or rename the table",
            ),
            Self::Narrow { readers, .. } if !readers.is_empty() => Some(Obstacle::Person(format!(
                "drop {}, repair, and create it again: PostgreSQL changes the type of no column that it reads",
                readers.join(" and ")
            ))),
            Self::WrongType { live, .. } => Some(Obstacle::Person(misread(live))),
            Self::Unreadable { column, .. } => Some(Obstacle::Person(format!(
                "give them values of the declared type: SELECT {column}, typeof({column}) FROM vectors"
            ))),
            Self::InsteadRule { .. } => person("drop the rule if nobody relies on it, then repair"),
            Self::Narrow { live, .. }
            | Self::Nullable { live, .. }
            | Self::AutoIncrement { live, .. }
            | Self::PrimaryKey { live, .. }
                if live.attributes.unsaid.is_some() =>
            {
                Some(Obstacle::Person(format!(
                    "change the column by hand: it is {}, which would be forgotten",
                    live.attributes.unsaid.as_deref().unwrap_or_default()
                )))
            }
            Self::Generated { .. } => {
                person("the entities write this column: replace it by one that keeps its values")
            }
            Self::Nullable {
                column, nulls: 1.., ..
            } => Some(Obstacle::Person(format!(
                "give them a value or delete them: SELECT * FROM vectors WHERE {column} IS NULL"
            ))),
            // Where another is declared, this one only has to grow.
            Self::PrimaryKey { found, .. } if !found.is_empty() && *found != PRIMARY_KEY => {
                person("somebody may rely on it: replace it by the declared one")
            }
            Self::PrimaryKey { ids, .. } if ids.duplicate > 0 => person(
                "tell the rows apart: SELECT id, count(*) FROM vectors GROUP BY id HAVING count(*) > 1",
            ),
            Self::PrimaryKey { ids, .. } if ids.null > 0 => {
                person("give them numbers: SELECT * FROM vectors WHERE id IS NULL")
            }
            Self::AutoIncrement { live, .. } if live.default.is_some() => {
                person("drop the default if nobody relies on it, then repair")
            }
            Self::SequenceBehind { next, .. } if i32::try_from(*next).is_err() => person(
                "every INSERT without an id fails: set it back to numbers that are free, or give id a sequence of its own",
            ),
            Self::SequenceBehind {
                sequence, largest, ..
            } if sequence.owner != Owner::TheColumn => Some(Obstacle::Person(format!(
                "a sequence that is not id's alone is not changed: give id one of its own, or advance it: SELECT setval({}, {largest})",
                sql::literal(DbBackend::Postgres, &sequence.name)
            ))),
            Self::SequenceNarrow { sequence, .. } if sequence.owner != Owner::TheColumn => person(
                "after 32767 every INSERT without an id fails, and a sequence that is not id's alone is not changed: give id one of its own, or widen it",
            ),
            Self::Placement { documents, vectors } => placement::obstacle(documents, vectors),
            Self::Orphans(_) => Some(Obstacle::DeleteOrphans),
            Self::ForeignKeyElsewhere { .. } => {
                person("which of the two was meant only its author knows: drop it, then repair")
            }
            Self::IndexUnique { .. } => person(
                "a document has many pages, and a page may have many rows: drop the index or its constraint, then repair",
            ),
            Self::InsertBlocked { .. } => person("give the column a default, or allow NULL in it"),
            Self::DocumentsAbsent { .. }
            | Self::TableAbsent
            | Self::StorageEngine { .. }
            | Self::Narrow { .. }
            | Self::Nullable { .. }
            | Self::PrimaryKey { .. }
            | Self::AutoIncrement { .. }
            | Self::SequenceBehind { .. }
            | Self::SequenceNarrow { .. }
            | Self::ForeignKeyAbsent
            | Self::ForeignKeyUnlike { .. }
            | Self::ForeignKeyUnvalidated { .. }
            | Self::IndexAbsent
            | Self::IndexUnfit { .. }
            | Self::Storage { .. } => None,
        }
    }

    /// Whether this part has to be as declared before this difference can be mended.
    pub(crate) fn is_built_on(&self, part: Part) -> bool {
        let foundation: &[Part] = match self.part() {
            Part::Table if *self == Self::TableAbsent => &[Part::Documents],
            Part::Documents | Part::Table | Part::Column(_) => &[],
            Part::PrimaryKey => &[Part::Column("id")],
            Part::AutoIncrement => &[Part::Column("id"), Part::PrimaryKey],
            Part::Placement => &[Part::Documents, Part::Column("doc_id"), Part::PrimaryKey],
            Part::ForeignKey => &[
                Part::Documents,
                Part::Column("doc_id"),
                Part::Placement,
                Part::Rows,
            ],
            Part::Index => &[Part::Column("doc_id")],
            Part::Rows => &[Part::Documents, Part::Column("doc_id")],
            Part::Storage => &[Part::Column("vector_ids")],
        };
        foundation.contains(&part)
    }

    /// The part that this one is built on and that is not going to be mended before it.
    fn in_the_way(&self, all: &[Self]) -> Option<Part> {
        let keeps_no_key = |other: &&Self| {
            matches!(other, Self::StorageEngine { .. }) && other.own_obstacle().is_some()
        };
        let table = all.iter().find(|other| {
            matches!(other, Self::NotATable { .. }) && *other != self
                || self.part() == Part::ForeignKey && keeps_no_key(other)
        });
        let stays = |other: &&Self| {
            // NULLs have no document to point to, and wait for nobody.
            self.is_built_on(other.part())
                && !matches!(other, Self::Nullable { .. })
                && other.own_obstacle().is_some()
        };
        table.or_else(|| all.iter().find(stays)).map(Self::part)
    }
}

fn misread(live: &Column) -> String {
    let how = match live.kind {
        ColumnKind::Integer { bits: 33.., .. } => "read 32 bits, and fail on what is larger",
        ColumnKind::Integer { signed: false, .. } => {
            "read signed integers, and fail on what is larger"
        }
        ColumnKind::Integer { .. }
        | ColumnKind::Text
        | ColumnKind::NarrowText
        | ColumnKind::Json
        | ColumnKind::Serial
        | ColumnKind::Other => "cannot read this type",
    };
    format!("the entities {how}: change the type, after making sure that every value fits")
}
