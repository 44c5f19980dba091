//! SQLite changes no column and no key of a table: the table is rebuilt, once for all that is mended.

mod rebuild;

use sea_orm::DbBackend;
use sea_query::SqliteQueryBuilder;

use super::{Execution, Setting, Step, documents};
use crate::schema::{
    declared::{self, IX_VECTORS_DOC_ID, VECTORS_DOC_ID_FKEY},
    difference::{Difference, Part, Remedy},
    live::Live,
    rows::Orphans,
};

const WRITERS: &str = "the write lock of the database file, for a moment";
const WHILE_REBUILT: &str = "the write lock of the database file, while the table is rebuilt";

/// The views and triggers that name the table are left as they are while it is renamed.
const RENAMING: [Setting; 1] = [Setting {
    set: "PRAGMA legacy_alter_table = ON",
    restore: "PRAGMA legacy_alter_table = OFF",
}];

pub(super) fn delete_orphans() -> Step {
    step([Orphans::DELETE.to_owned()])
}

pub(super) fn drop_vectors(forget: Option<String>) -> Step {
    let drop = declared::drop_vectors().to_string(SqliteQueryBuilder);
    step(Vec::from_iter(forget.into_iter().chain([drop])))
}

fn step(statements: impl Into<Vec<String>>) -> Step {
    Step {
        statements: statements.into(),
        lock: WRITERS,
        execution: Execution::Transaction { settings: &[] },
    }
}

pub(super) fn steps(
    difference: &Difference,
    live: &Live,
    all: &[Difference],
    mended: &[&Difference],
) -> Result<Vec<Step>, Remedy> {
    let create_index = |name: &str| declared::create_index(name).to_string(SqliteQueryBuilder);
    let statements = match difference {
        Difference::DocumentsAbsent { .. } => documents::create(DbBackend::Sqlite),
        Difference::TableAbsent => vec![
            declared::create_vectors(DbBackend::Sqlite, VECTORS_DOC_ID_FKEY)
                .to_string(SqliteQueryBuilder),
            create_index(&live.free_name(IX_VECTORS_DOC_ID)),
        ],
        Difference::IndexAbsent => vec![create_index(&live.free_name(IX_VECTORS_DOC_ID))],
        Difference::IndexUnfit { index } => vec![
            format!("DROP INDEX {}", index.name),
            create_index(&index.name),
        ],
        _ => {
            // The copy's key would refuse them.
            if all
                .iter()
                .any(|other| matches!(other, Difference::Orphans(_)))
            {
                return Err(Remedy::After(Part::Rows));
            }
            return Ok(vec![Step {
                statements: rebuild::statements(live, mended).map_err(Remedy::Person)?,
                lock: WHILE_REBUILT,
                execution: Execution::Transaction {
                    settings: &RENAMING,
                },
            }]);
        }
    };
    Ok(vec![step(statements)])
}
