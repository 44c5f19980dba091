//! The response to a change: the statements for an engine, the lock that they take, and how they
//! are run.

mod lock;
mod mysql;
mod obstacle;
mod postgres;
pub(crate) mod required;
mod sqlite;
mod steps;
mod undo;

pub(crate) use self::mysql::CAREFUL_MODE;
pub(crate) use self::{
    lock::{Lock, Tables},
    obstacle::{Obstacle, Obstacles, Remedy, foundation, is_built_on, not_ours},
    sqlite::{add_to_statement, rebuild_statement, undo_in_statements},
    steps::Steps,
    undo::{Undo, Undone},
};

use crate::{
    declare::{Declared, Shape},
    diff::{Change, Element},
    engine::Engine,
    inspect::{Inspection, Relation},
    model::Table,
    session::TxMode,
    sql,
};

/// Statements that are run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) statements: Vec<String>,
    pub(crate) lock: Lock,
    pub(crate) execution: Execution,
}

impl Step {
    /// Returns whether the step replaces a table by a new one, as SQLite does.
    pub(crate) fn rebuilds(&self) -> bool {
        matches!(self.execution, Execution::Compared { .. })
    }

    /// Returns whether an attempt that fails leaves nothing behind.
    pub(crate) fn is_atomic(&self, backend: Engine) -> bool {
        !matches!(self.execution, Execution::Alone { .. }) && backend != Engine::MySql
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Execution {
    /// In a transaction, on a connection whose settings are changed for it and restored.
    Transaction { settings: &'static [Setting] },
    /// In such a transaction, in which each SELECT counts how the contents of a rebuilt table
    /// differ from the old one. If one does, everything is rolled back.
    Compared { settings: &'static [Setting] },
    /// In a transaction that drops this required table.
    DropRequired {
        settings: &'static [Setting],
        table: String,
    },
    /// Outside of a transaction: only there does PostgreSQL build an index of this table
    /// concurrently with its writers.
    Alone { table: String },
}

/// A setting that is made before a step, and restored after it on the same connection, whatever the
/// outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) set: &'static str,
    pub(crate) restore: &'static str,
}

/// The response to one change, given the others.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) change: Change,
    pub(crate) remedy: Remedy,
}

/// The input from which steps are planned.
#[derive(Clone, Copy)]
pub(crate) struct Context<'c> {
    pub(crate) current: &'c Inspection,
    pub(crate) shape: &'c Shape,
    pub(crate) mode: TxMode,
    /// The elements that MySQL and MariaDB have refused to fix without copying the table.
    pub(crate) copied: &'c [Element],
}

/// A declared table together with the one that is found.
pub(crate) struct Both<'c> {
    pub(crate) declared: &'c Declared,
    pub(crate) found: Option<&'c Table>,
}

impl<'c> Context<'c> {
    pub(crate) fn both(&self, change: &Change) -> Result<Both<'c>, Obstacle> {
        let declared = self.shape.declared(&change.table);
        Ok(Both {
            declared: declared.ok_or_else(Obstacle::unplanned)?,
            found: self.current.table(&change.table),
        })
    }
}

impl<'c> Both<'c> {
    pub(crate) fn found(&self) -> Result<&'c Table, Obstacle> {
        self.found.ok_or_else(Obstacle::unplanned)
    }
}

/// Returns a plan for each change, in their order.
pub(crate) fn plan(context: &Context<'_>, changes: &[Change]) -> Vec<Plan> {
    let backend = context.current.backend;
    let obstacles = Obstacles {
        current: context.current,
        shape: context.shape,
        all: changes,
    };
    let obstacles: Vec<Option<Obstacle>> = changes.iter().map(|one| obstacles.of(one)).collect();
    let fixed = |table: &str| -> Vec<&Change> {
        let all = changes.iter().zip(&obstacles);
        all.filter(|(change, obstacle)| obstacle.is_none() && change.table == table)
            .map(|(change, _)| change)
            .collect()
    };
    // The shape is inspected again after each step, so only the first step is ever run as it stands
    // here.
    let steps = |change: &Change| match backend {
        Engine::Postgres => postgres::steps(change, context),
        Engine::MySql => mysql::steps(change, context),
        Engine::Sqlite => sqlite::steps(change, context, changes, &fixed(&change.table)),
    };
    let planned = |(change, obstacle): (&Change, &Option<Obstacle>)| {
        let steps = match obstacle {
            Some(obstacle) => Err(obstacle.clone()),
            None => steps(change),
        };
        Plan {
            change: change.clone(),
            remedy: steps.map_or_else(Remedy::Left, Remedy::Repair),
        }
    };
    changes.iter().zip(&obstacles).map(planned).collect()
}

/// Returns the steps that undo what one migration declares, the last one together with the
/// migration's record, if these migrations keep that record. So nothing is recorded that does not
/// exist, even where each statement commits. Some tables may have been dropped since the
/// inspection.
///
/// # Errors
///
/// The reason why the found shape cannot be undone.
pub(crate) fn undo(
    backend: Engine,
    undo: &Undo,
    current: Option<&Inspection>,
    dropped_before: &[String],
    forget: Option<String>,
) -> Result<Vec<Step>, String> {
    match backend {
        Engine::MySql => Ok(mysql::undo(undo, current, forget)),
        Engine::Sqlite => sqlite::undo(undo, current, dropped_before, forget),
        Engine::Postgres => Ok(vec![postgres::undo(undo, forget)]),
    }
}

/// Drops all of these and nothing else. Fails if something elsewhere depends on them.
pub(crate) fn drop_all(backend: Engine, relations: &[Relation]) -> Step {
    let quoted = |relation: &Relation| sql::identifier(backend, &relation.name);
    let (tables, others): (Vec<_>, Vec<_>) = relations.iter().partition(|one| one.is_table());
    let mut statements: Vec<String> = others
        .iter()
        .map(|relation| format!("DROP {} {}", relation.kind, quoted(relation)))
        .collect();
    let tables: Vec<String> = tables.into_iter().map(quoted).collect();
    let settings: &[Setting] = match backend {
        Engine::Sqlite => {
            // A parent may be dropped before its child: both are gone when the keys are checked.
            statements.insert(0, "PRAGMA defer_foreign_keys = ON".to_owned());
            statements.extend(tables.iter().map(|table| format!("DROP TABLE {table}")));
            &[]
        }
        _ if tables.is_empty() => &[],
        Engine::Postgres | Engine::MySql => {
            statements.push(format!("DROP TABLE {}", tables.join(", ")));
            match backend {
                Engine::MySql => &mysql::ROWS_UNCHECKED,
                Engine::Postgres | Engine::Sqlite => &[],
            }
        }
    };
    Step {
        statements,
        lock: Lock::as_stated("all of them"),
        execution: Execution::Transaction { settings },
    }
}

/// Returns the settings of a short query that gives way to a session that uses the table.
pub(crate) fn brief_look(backend: Engine) -> &'static [Setting] {
    match backend {
        Engine::Postgres => &postgres::BRIEF,
        Engine::MySql | Engine::Sqlite => &[],
    }
}

/// Deletes the record of a migration that has created nothing to be undone.
pub(crate) fn forget_alone(forget: String) -> Step {
    Step {
        statements: vec![forget],
        lock: Lock::as_stated("none"),
        execution: Execution::Transaction { settings: &[] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Declaration,
        diff::{Conversion, Difference},
        facts::Limit,
        model::{Kind, Owner, Sequence},
    };

    #[test]
    fn a_difference_that_no_step_fixes_needs_a_manual_decision() {
        let declaration = Declaration {
            name: "first".to_owned(),
            declare: |shape| {
                let id = sea_orm_migration::schema::pk_auto("id");
                shape.table(sea_query::Table::create().table("books").col(id));
            },
        };
        let shape = Shape::at(&[declaration], 1).expect("comparable");
        let narrow = Difference::SequenceLimited {
            column: shape.tables[0].table.columns[0].clone(),
            sequence: Sequence {
                name: "books_id_seq".to_owned(),
                owner: Owner::TheColumn,
            },
            limits: vec![Limit::Type("smallint".to_owned())],
        };
        let engine = Difference::StorageEngine {
            engine: "Aria".to_owned(),
            conversion: Conversion::Lossless,
        };
        let unplanned = [
            (Engine::MySql, &narrow),
            (Engine::Sqlite, &narrow),
            (Engine::Postgres, &engine),
            (Engine::Sqlite, &engine),
        ];
        for (backend, difference) in unplanned {
            let current = Inspection {
                found: vec![Table::new("books", Kind::Table)],
                ..Inspection::empty(backend)
            };
            let context = Context {
                current: &current,
                shape: &shape,
                mode: TxMode::Free,
                copied: &[],
            };

            let plans = plan(&context, &[difference.clone().of("books")]);

            let remedies: Vec<&Remedy> = plans.iter().map(|plan| &plan.remedy).collect();
            assert_eq!(
                remedies,
                [&Remedy::Left(Obstacle::unplanned())],
                "{backend:?}: {difference:?}"
            );
        }
    }
}
