//! The `documents` of our own: made with its mark, and dropped while nobody can write to it.

use sea_orm::DbBackend;

use super::{Execution, Lock, Setting, Step, mysql};
use crate::schema::declared::{self, MADE_BY_US};

/// What others cannot do while it is dropped.
const LOCK: Lock = Lock::for_a_moment("readers and writers of documents");

/// Nothing stays locked where a statement fails.
const WITH_TABLES_LOCKED: [Setting; 2] = [
    mysql::GIVING_WAY[0],
    Setting {
        set: "DO 0",
        restore: "UNLOCK TABLES",
    },
];

/// The mark comes with the table, or in the same transaction.
pub(crate) fn create(backend: DbBackend) -> Vec<String> {
    let table = backend.build(&declared::create_documents(backend)).sql;
    match backend {
        DbBackend::Postgres => vec![
            table,
            format!("COMMENT ON TABLE documents IS '{MADE_BY_US}'"),
        ],
        _ => vec![table],
    }
}

/// Whether the step drops the table.
pub(crate) fn is_drop(step: &Step) -> bool {
    step.lock == LOCK
}

/// Fails where somebody has written to the table since it was looked at.
pub(crate) fn drop(backend: DbBackend, forget: String) -> Step {
    const DROP: &str = "DROP TABLE documents";
    let (statements, settings): (Vec<String>, &[Setting]) = match backend {
        DbBackend::Postgres => (
            vec![
                "LOCK TABLE documents IN ACCESS EXCLUSIVE MODE".to_owned(),
                "DO $empty$ BEGIN IF EXISTS (SELECT FROM documents) THEN \
                 RAISE EXCEPTION 'documents has rows by now'; END IF; END $empty$"
                    .to_owned(),
                DROP.to_owned(),
                forget,
            ],
            &[],
        ),
        DbBackend::MySql => (
            vec![
                "LOCK TABLES documents WRITE".to_owned(),
                // An error where there is a row: a subquery returns more than one. DO would pass over it.
                "SELECT (SELECT 1 FROM documents UNION ALL SELECT 1)".to_owned(),
                // In one request: nobody who is cut off leaves the record.
                format!("{DROP}; UNLOCK TABLES; {forget}; COMMIT"),
            ],
            &WITH_TABLES_LOCKED,
        ),
        // Nobody else writes while we do.
        _ => (vec![DROP.to_owned(), forget], &[]),
    };
    Step {
        statements,
        lock: LOCK,
        execution: Execution::Transaction { settings },
    }
}
