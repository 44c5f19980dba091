//! The differences between the declared and the current shape: a list of typed values, found
//! without a database.

mod filled;
mod find;
pub(crate) mod name;
mod notes;
pub(crate) mod placement;
mod sentence;
pub(crate) mod storage;
mod unknown;

pub(crate) use find::{changes, elsewhere};
pub(crate) use notes::notes;
pub(crate) use unknown::{Unknown, unknown};

use crate::{
    facts::{Keys, Limit, Orphans},
    model::{Column, ForeignKey, Index, Placement, RowWidth, Sequence},
};

/// An element of the declared shape: a part of one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Element {
    pub(crate) table: String,
    pub(crate) part: Part,
}

/// The parts of a table, as `check` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Table,
    Column(String),
    PrimaryKey,
    AutoIncrement,
    /// The placement of the rows on the nodes of Citus.
    Placement,
    /// An index, by its declared name.
    Index(String),
    /// A foreign key, by its column.
    ForeignKey(String),
    /// The rows that refer to another table by this column.
    Rows(String),
    /// How PostgreSQL stores this column.
    Storage(String),
}

/// The obstacles between a table that Citus has distributed and the declared one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WayBack {
    /// The names of its foreign keys, with which its rows cannot be brought back.
    pub(crate) foreign_keys: Vec<String>,
    /// The name of its primary key and the declared columns, if it has others.
    pub(crate) primary_key: Option<(String, Vec<String>)>,
}

/// A difference, and the table that it is in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) table: String,
    pub(crate) difference: Difference,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference {
    /// A table of the application does not exist.
    RequiredAbsent {
        found: Vec<String>,
        creation: Creation,
    },
    RequiredUnfit {
        found: String,
        next_step: String,
    },
    TableAbsent,
    NotATable {
        found: String,
    },
    StorageEngine {
        engine: String,
        conversion: Conversion,
    },
    ColumnAbsent {
        declared: Column,
        empty: bool,
    },
    /// The type can be widened.
    Narrow {
        declared: Column,
        found: Column,
        readers: Vec<String>,
    },
    /// The entities would misread the type.
    WrongType {
        declared: Column,
        found: Column,
    },
    Generated {
        column: String,
    },
    /// The type has the declared name, but values of another type.
    Unreadable {
        column: String,
        rows: i64,
    },
    /// SQLite has to rebuild the table for another difference, and the new table would refuse its
    /// rows or change them. Contains what SQLite reports, with the number of rows if it reports
    /// rows.
    RowsRefused {
        reported: Vec<String>,
    },
    /// SQLite writes no row, because a trigger or a foreign key names what does not exist. Contains
    /// what SQLite reports.
    Unwritable {
        reported: Vec<String>,
    },
    /// A rule of PostgreSQL turns INSERT or DELETE into something else.
    InsteadRule {
        rule: String,
    },
    Nullable {
        declared: Column,
        found: Column,
        nulls: i64,
    },
    /// A column that an INSERT without it would leave without a value: it is declared nullable and
    /// found NOT NULL.
    NotNullable {
        found: Column,
    },
    PrimaryKey {
        /// The declared columns, on Citus with the one by which the table is distributed.
        columns: Vec<String>,
        /// The column that is numbered, as found.
        numbered: Option<Column>,
        found: Vec<String>,
        keys: Keys,
    },
    AutoIncrement {
        found: Column,
        keys: Keys,
        numbers: Numbers,
    },
    /// The next numbers are taken, or the column cannot hold them.
    NumbersBehind {
        column: Column,
        /// The sequence of PostgreSQL.
        sequence: Option<Sequence>,
        next: Option<i64>,
        largest: i64,
        limits: Vec<Limit>,
    },
    /// A sequence of PostgreSQL will not give every number that the column can hold.
    SequenceLimited {
        column: Column,
        sequence: Sequence,
        limits: Vec<Limit>,
    },
    Placement {
        key: ForeignKey,
        parent: Placement,
        child: Placement,
        /// What keeps Citus from distributing the table, each as a phrase.
        hinders: Vec<String>,
        way_back: WayBack,
    },
    Orphans(Orphans),
    ForeignKeyAbsent {
        declared: ForeignKey,
    },
    /// A foreign key to the right column with another action, or one that is not enforced.
    ForeignKeyUnlike {
        declared: ForeignKey,
        found: ForeignKey,
    },
    ForeignKeyUnvalidated {
        declared: ForeignKey,
        found: ForeignKey,
    },
    ForeignKeyElsewhere {
        declared: ForeignKey,
        found: ForeignKey,
    },
    IndexAbsent {
        declared: Index,
        /// Of a unique index: how many combinations of values occur in several rows.
        duplicates: i64,
    },
    IndexUnfit {
        declared: Index,
        found: Index,
    },
    /// An index that is unique over declared columns, and is not declared.
    IndexUnique {
        /// The declared index with which it is reported, if there is one.
        declared: Option<String>,
        found: Index,
    },
    Storage {
        column: String,
        /// The present settings; empty if the type's own apply.
        found: Vec<String>,
        set: Vec<&'static str>,
    },
    /// A column that is not declared, and that every INSERT of the entities would leave without a
    /// value.
    InsertBlocked {
        column: String,
    },
}

/// Whether a table of another storage engine can be converted to InnoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    Lossless,
    /// The storage engine is none that keeps the rows in the table itself.
    RowsElsewhere,
    /// Numbers repeat from group to group.
    NumbersWithinAGroup,
    /// Rows may be larger than InnoDB allows.
    TooWide(RowWidth),
}

/// The numbers that a column will get, on PostgreSQL from a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    New,
    /// A row has the largest number that the column can hold, or one right before it, so that the
    /// next number is none.
    UsedUp {
        largest: i64,
    },
    /// A sequence that the column owns.
    Own(String),
    /// A sequence that no column owns and that has the name of the column's own: it goes on
    /// unchanged.
    AsItIs(String),
}

/// Whether a required table that is absent may be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Creation {
    /// The caller allows it.
    Wanted,
    /// The application has to create it; the text says how a caller can have one created.
    NotOurs(&'static str),
    /// This table, which refers to it, exists: the rows did exist, and have to be restored.
    TooLate(String),
}

impl Element {
    pub(crate) fn new(table: impl Into<String>, part: Part) -> Self {
        Self {
            table: table.into(),
            part,
        }
    }
}

impl Change {
    pub(crate) fn element(&self) -> Element {
        Element::new(&self.table, self.difference.part())
    }

    /// Returns whether nothing else of the table was compared.
    pub(crate) fn hides_the_rest(&self) -> bool {
        self.difference.hides_the_rest()
    }
}

impl Difference {
    pub(crate) fn of(self, table: &str) -> Change {
        Change {
            table: table.to_owned(),
            difference: self,
        }
    }

    fn hides_the_rest(&self) -> bool {
        matches!(self, Self::TableAbsent | Self::NotATable { .. })
    }

    /// Returns whether what depends on the element does not exist either.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::RequiredAbsent { .. } | Self::ColumnAbsent { .. }
        )
    }

    /// Returns whether SQLite rebuilds the table for it.
    pub(crate) fn rebuilds_on_sqlite(&self) -> bool {
        matches!(
            self,
            Self::Narrow { .. }
                | Self::Nullable { .. }
                | Self::PrimaryKey { .. }
                | Self::AutoIncrement { .. }
                | Self::ForeignKeyAbsent { .. }
                | Self::ForeignKeyUnlike { .. }
        )
    }

    pub(crate) fn part(&self) -> Part {
        let column = |key: &ForeignKey| key.columns.concat();
        match self {
            Self::RequiredAbsent { .. }
            | Self::RequiredUnfit { .. }
            | Self::TableAbsent
            | Self::NotATable { .. }
            | Self::StorageEngine { .. }
            | Self::RowsRefused { .. }
            | Self::Unwritable { .. }
            | Self::InsertBlocked { .. }
            | Self::InsteadRule { .. } => Part::Table,
            Self::ColumnAbsent { declared, .. }
            | Self::Narrow { declared, .. }
            | Self::WrongType { declared, .. }
            | Self::Nullable { declared, .. } => Part::Column(declared.name.clone()),
            Self::NotNullable { found } => Part::Column(found.name.clone()),
            Self::Generated { column } | Self::Unreadable { column, .. } => {
                Part::Column(column.clone())
            }
            Self::PrimaryKey { .. } => Part::PrimaryKey,
            Self::AutoIncrement { .. }
            | Self::NumbersBehind { .. }
            | Self::SequenceLimited { .. } => Part::AutoIncrement,
            Self::Placement { .. } => Part::Placement,
            Self::Orphans(orphans) => Part::Rows(column(&orphans.key)),
            Self::Storage { column, .. } => Part::Storage(column.clone()),
            Self::ForeignKeyAbsent { declared }
            | Self::ForeignKeyUnlike { declared, .. }
            | Self::ForeignKeyUnvalidated { declared, .. }
            | Self::ForeignKeyElsewhere { declared, .. } => Part::ForeignKey(column(declared)),
            Self::IndexAbsent { declared, .. } | Self::IndexUnfit { declared, .. } => {
                Part::Index(declared.name.clone())
            }
            Self::IndexUnique { declared, .. } => declared.clone().map_or(Part::Table, Part::Index),
        }
    }
}
