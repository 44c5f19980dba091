//! What the live shape has other than the declared one: a list of typed values.

mod find;
mod notes;
mod placement;
pub(crate) mod provisional;
mod remedy;
mod sentence;
pub(crate) mod storage;

pub(crate) use find::{Scope, differences};
pub(crate) use notes::notes;
pub(crate) use placement::primary_key;
pub(crate) use remedy::{DOCUMENTS_ARE_NOT_OURS, Obstacle, Remedy};

use super::{
    declared::PRIMARY_KEY_DISTRIBUTED,
    live::{Column, ForeignKey, Index, Placement, Sequence},
    rows::{Ids, Orphans},
};

/// The parts of the declared shape, as `check` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Documents,
    Table,
    Column(&'static str),
    PrimaryKey,
    AutoIncrement,
    /// Of the rows among the nodes of Citus.
    Placement,
    ForeignKey,
    Index,
    Rows,
    /// Of `vector_ids` in PostgreSQL.
    Storage,
}

impl Part {
    pub(crate) const ALL: [Self; 13] = [
        Self::Documents,
        Self::Table,
        Self::Column("id"),
        Self::Column("doc_id"),
        Self::Column("page"),
        Self::Column("vector_ids"),
        Self::PrimaryKey,
        Self::AutoIncrement,
        Self::Placement,
        Self::Index,
        Self::ForeignKey,
        Self::Rows,
        Self::Storage,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Table => "vectors",
            Self::Column(name) => name,
            Self::PrimaryKey => "primary key",
            Self::AutoIncrement => "auto-increment",
            Self::Placement => "placement",
            Self::ForeignKey => "foreign key",
            Self::Index => "index",
            Self::Rows => "rows",
            Self::Storage => "storage",
        }
    }

    /// Where `documents` has this placement.
    pub(crate) fn declared(self, documents: &Placement) -> &'static str {
        match self {
            Self::PrimaryKey if *placement::primary_key(documents) == PRIMARY_KEY_DISTRIBUTED => {
                "doc_id and id"
            }
            Self::Documents => "a table whose id a foreign key can refer to",
            Self::Table => "a table",
            Self::Column("vector_ids") => "text of any length, not null",
            Self::Column(_) => "32-bit integer, not null",
            Self::PrimaryKey => "id",
            Self::AutoIncrement => "id, past the largest there is",
            Self::Placement => "where Citus has the document",
            Self::ForeignKey => "doc_id to documents(id), ON DELETE CASCADE",
            Self::Index => "ix_vectors_doc_id on doc_id",
            Self::Rows => "each with its document",
            Self::Storage => "vector_ids compressed with lz4, or not at all",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference {
    DocumentsAbsent {
        found: Vec<String>,
        creation: Creation,
    },
    DocumentsUnfit {
        found: String,
        next_step: &'static str,
    },
    TableAbsent,
    NotATable {
        found: String,
    },
    StorageEngine {
        engine: String,
        numbers_within_a_group: bool,
    },
    ColumnAbsent {
        column: &'static str,
        empty: bool,
    },
    /// Of a type that can be widened.
    Narrow {
        column: &'static str,
        live: Column,
        readers: Vec<String>,
    },
    /// Of a type that the entities would misread.
    WrongType {
        column: &'static str,
        live: Column,
    },
    Generated {
        column: &'static str,
    },
    /// Of the declared type by name, with values of another.
    Unreadable {
        column: &'static str,
        rows: i64,
    },
    /// PostgreSQL: INSERT or DELETE become something else.
    InsteadRule {
        rule: String,
    },
    Nullable {
        column: &'static str,
        live: Column,
        nulls: i64,
    },
    PrimaryKey {
        live: Column,
        found: Vec<String>,
        ids: Ids,
    },
    AutoIncrement {
        live: Column,
        ids: Ids,
        numbers: Numbers,
    },
    /// At numbers that are taken, or that the column cannot hold.
    SequenceBehind {
        sequence: Sequence,
        next: i64,
        largest: i64,
        /// Whether its type ends before the column's.
        narrow: bool,
    },
    /// Of a type that ends before the column's.
    SequenceNarrow {
        sequence: Sequence,
        declared: String,
    },
    Placement {
        documents: Placement,
        vectors: Placement,
    },
    Orphans(Orphans),
    ForeignKeyAbsent,
    /// To the right column, with another action, or not acted on.
    ForeignKeyUnlike {
        key: ForeignKey,
    },
    ForeignKeyUnvalidated {
        key: ForeignKey,
    },
    ForeignKeyElsewhere {
        key: ForeignKey,
    },
    IndexAbsent,
    IndexUnfit {
        index: Index,
    },
    IndexUnique {
        index: Index,
    },
    Storage {
        /// What is set now; nothing where it is the type's own.
        found: Vec<String>,
        set: Vec<&'static str>,
    },
    /// A column of somebody else's that every INSERT of ours would leave without a value.
    InsertBlocked {
        column: String,
    },
}

/// PostgreSQL: the sequence that is to give `id` its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    New,
    /// One that `id` owns.
    Own(String),
    /// One that nobody owns and that has the name of `id`'s own: it goes on from where it is, unchanged.
    AsItIs(String),
}

/// Whether a `documents` that is absent may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creation {
    /// Somebody has said so.
    Wanted,
    /// It is the application's to make.
    NotOurs,
    /// `vectors` is there already: its documents were there, and are to come back.
    TooLate,
}

impl Difference {
    /// Whether there is no table whose other parts could be looked at.
    pub(crate) fn hides_the_rest(&self) -> bool {
        matches!(self, Self::TableAbsent | Self::NotATable { .. })
    }

    pub(crate) fn part(&self) -> Part {
        match self {
            Self::DocumentsAbsent { .. } | Self::DocumentsUnfit { .. } => Part::Documents,
            Self::TableAbsent | Self::NotATable { .. } | Self::StorageEngine { .. } => Part::Table,
            Self::InsertBlocked { .. } | Self::InsteadRule { .. } => Part::Table,
            Self::ColumnAbsent { column, .. }
            | Self::Narrow { column, .. }
            | Self::WrongType { column, .. }
            | Self::Generated { column }
            | Self::Unreadable { column, .. }
            | Self::Nullable { column, .. } => Part::Column(column),
            Self::PrimaryKey { .. } => Part::PrimaryKey,
            Self::AutoIncrement { .. }
            | Self::SequenceBehind { .. }
            | Self::SequenceNarrow { .. } => Part::AutoIncrement,
            Self::Placement { .. } => Part::Placement,
            Self::Orphans(_) => Part::Rows,
            Self::Storage { .. } => Part::Storage,
            Self::ForeignKeyAbsent
            | Self::ForeignKeyUnlike { .. }
            | Self::ForeignKeyUnvalidated { .. }
            | Self::ForeignKeyElsewhere { .. } => Part::ForeignKey,
            Self::IndexAbsent | Self::IndexUnfit { .. } | Self::IndexUnique { .. } => Part::Index,
        }
    }
}
