//! A required table that the migrations create: it is created with a mark, and dropped while no
//! session can write to it.

use super::{Execution, Lock, Setting, Step};
use crate::{create, engine::Engine, model::Table, sql};

/// What other sessions cannot do while the table is dropped.
const LOCK: Lock = Lock::for_a_moment("readers and writers of {table}");

/// Unlocks the tables even if a statement fails.
const WITH_TABLES_LOCKED: [Setting; 1] = [Setting {
    set: "DO 0",
    restore: "UNLOCK TABLES",
}];

impl Step {
    /// Returns the required table that the step drops.
    pub(crate) fn required_table(&self) -> Option<&str> {
        match &self.execution {
            Execution::DropRequired { table, .. } => Some(table),
            Execution::Transaction { .. }
            | Execution::Compared { .. }
            | Execution::Alone { .. } => None,
        }
    }
}

/// Returns the comment of a table that the migration of this name has created.
pub(crate) fn mark(made_by: &str) -> String {
    format!("made by {made_by}")
}

/// Returns the statements that create a table with its mark, or set the mark in the same
/// transaction. MySQL keeps the comment of a table, SQLite the statement with the comment in it;
/// PostgreSQL needs a second statement.
pub(crate) fn create(backend: Engine, table: &Table, made_by: &str) -> Vec<String> {
    let mark = mark(made_by);
    let mut create = create::table(backend, table, &table.primary_key, &[]);
    if backend == Engine::MySql {
        create.comment(&mark);
    }
    let create = backend.backend().build(&create).sql;
    match backend {
        Engine::Postgres => vec![
            create,
            format!(
                "COMMENT ON TABLE {} IS {}",
                sql::identifier(backend, &table.name),
                sql::literal(backend, &mark)
            ),
        ],
        Engine::Sqlite => vec![marked(&create, &mark)],
        Engine::MySql => vec![create],
    }
}

/// Returns the statement with the mark. SQLite keeps a comment only within the parentheses of the
/// statement.
fn marked(create: &str, mark: &str) -> String {
    match create.rsplit_once(" )") {
        Some((head, tail)) => format!("{head} /* {mark} */ ){tail}"),
        None => create.to_owned(),
    }
}

/// Returns the step that drops the table. It fails if a session has written to the table since it
/// was inspected.
pub(crate) fn drop(backend: Engine, table: &str, forget: Option<String>) -> Step {
    let quoted = sql::identifier(backend, table);
    let drop = format!("DROP TABLE {quoted}");
    let (statements, settings): (Vec<String>, &[Setting]) = match backend {
        Engine::Postgres => (
            [
                format!("LOCK TABLE {quoted} IN ACCESS EXCLUSIVE MODE"),
                format!(
                    "DO $empty$ BEGIN IF EXISTS (SELECT FROM {quoted}) THEN \
                     RAISE EXCEPTION '% has rows by now', {}; END IF; END $empty$",
                    sql::literal(backend, table)
                ),
                drop,
            ]
            .into_iter()
            .chain(forget)
            .collect(),
            &[],
        ),
        Engine::MySql => (
            vec![
                format!("LOCK TABLES {quoted} WRITE"),
                // This fails if there is a row, because a subquery must not return more than one.
                // DO would ignore that.
                format!("SELECT (SELECT 1 FROM {quoted} UNION ALL SELECT 1)"),
                // In one request, so that a session that is interrupted leaves no record.
                match forget {
                    Some(forget) => format!("{drop}; UNLOCK TABLES; {forget}; COMMIT"),
                    None => drop,
                },
            ],
            &WITH_TABLES_LOCKED,
        ),
        // No other session writes during the transaction.
        Engine::Sqlite => ([drop].into_iter().chain(forget).collect(), &[]),
    };
    Step {
        statements,
        lock: LOCK,
        execution: Execution::DropRequired {
            settings,
            table: table.to_owned(),
        },
    }
}
