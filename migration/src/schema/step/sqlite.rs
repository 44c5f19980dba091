//! SQLite changes no column and no key of a table: the table is rebuilt, once for all that is mended.

mod compare;
mod definition;
mod rebuild;
mod token;

use sea_orm::DbBackend;
use sea_query::SqliteQueryBuilder;

use super::{Execution, Lock, Setting, Step, Steps, documents};
use crate::schema::{
    declared::{self, IX_VECTORS_DOC_ID, VECTORS_DOC_ID_FKEY},
    difference::{Difference, Obstacle, Part},
    live::Live,
};

const WRITERS: Lock = Lock::for_a_moment("the write lock of the database file");
const WHILE_INDEXED: Lock = Lock::of_the_table(
    "the write lock of the database file",
    "while the index is built",
);
const WHILE_REBUILT: Lock = Lock::of_the_table(
    "the write lock of the database file",
    "while the table is rebuilt",
);

/// The views and triggers that name the table are left as they are while it is renamed.
const RENAMING: [Setting; 1] = [Setting {
    set: "PRAGMA legacy_alter_table = ON",
    restore: "PRAGMA legacy_alter_table = OFF",
}];

pub(super) fn drop_vectors(forget: Option<String>) -> Step {
    let drop = declared::drop_vectors().to_string(SqliteQueryBuilder);
    step(Vec::from_iter(forget.into_iter().chain([drop])), WRITERS)
}

fn step(statements: impl Into<Vec<String>>, lock: Lock) -> Step {
    Step {
        statements: statements.into(),
        lock,
        execution: Execution::Transaction { settings: &[] },
    }
}

pub(super) fn steps(
    difference: &Difference,
    live: &Live,
    all: &[Difference],
    mended: &[&Difference],
) -> Result<Steps, Obstacle> {
    let create_index =
        |name: &str| declared::create_index(DbBackend::Sqlite, name).to_string(SqliteQueryBuilder);
    let step = match difference {
        Difference::DocumentsAbsent { .. } => step(documents::create(DbBackend::Sqlite), WRITERS),
        Difference::TableAbsent => step(
            [
                declared::create_vectors(DbBackend::Sqlite, VECTORS_DOC_ID_FKEY)
                    .to_string(SqliteQueryBuilder),
                create_index(&live.free_index_name(IX_VECTORS_DOC_ID)),
            ],
            WRITERS,
        ),
        // SQLite neither hides an index nor leaves one half-built.
        Difference::IndexAbsent | Difference::IndexUnfit { .. } => step(
            [create_index(&live.free_index_name(IX_VECTORS_DOC_ID))],
            WHILE_INDEXED,
        ),
        Difference::Narrow { .. }
        | Difference::Nullable { .. }
        | Difference::PrimaryKey { .. }
        | Difference::AutoIncrement { .. }
        | Difference::ForeignKeyAbsent
        | Difference::ForeignKeyUnlike { .. } => {
            // The copy's key would refuse them.
            if all
                .iter()
                .any(|other| matches!(other, Difference::Orphans(_)))
            {
                return Err(Obstacle::After(Part::Rows));
            }
            Step {
                statements: rebuild::statements(live, mended).map_err(Obstacle::Person)?,
                lock: WHILE_REBUILT,
                execution: Execution::Compared {
                    settings: &RENAMING,
                },
            }
        }
        Difference::DocumentsUnfit { .. }
        | Difference::NotATable { .. }
        | Difference::StorageEngine { .. }
        | Difference::ColumnAbsent { .. }
        | Difference::WrongType { .. }
        | Difference::Generated { .. }
        | Difference::Unreadable { .. }
        | Difference::InsteadRule { .. }
        | Difference::SequenceBehind { .. }
        | Difference::SequenceNarrow { .. }
        | Difference::Placement { .. }
        | Difference::Orphans(_)
        | Difference::ForeignKeyUnvalidated { .. }
        | Difference::ForeignKeyElsewhere { .. }
        | Difference::IndexUnique { .. }
        | Difference::Storage { .. }
        | Difference::InsertBlocked { .. } => return Err(Obstacle::unplanned()),
    };
    Ok(step.into())
}
