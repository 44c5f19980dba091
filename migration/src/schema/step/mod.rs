//! What is done about a difference: the statements for this engine, the lock that they take, and how
//! they are run.

pub(crate) mod documents;
mod lock;
mod mysql;
mod postgres;
mod sqlite;
mod steps;

#[cfg(feature = "cli")]
pub(crate) use self::mysql::CAREFUL_MODE;
pub(crate) use self::{lock::Lock, steps::Steps};

use sea_orm::DbBackend;

use super::{
    difference::{Difference, Obstacle, Part, Remedy, storage},
    live::{Live, Relation},
};
use crate::sql;

/// Statements that are run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) statements: Vec<String>,
    pub(crate) lock: Lock,
    pub(crate) execution: Execution,
}

impl Step {
    /// Whether nothing stays of a try that fails.
    pub(crate) fn is_atomic(&self, backend: DbBackend) -> bool {
        self.execution != Execution::Alone && backend != DbBackend::MySql
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Execution {
    /// In a transaction, on a connection whose settings are changed for it and changed back.
    Transaction { settings: &'static [Setting] },
    /// The same, and each SELECT counts what a rebuilt table would have other than the old one: nothing, or all
    /// is rolled back.
    Compared { settings: &'static [Setting] },
    /// PostgreSQL builds an index beside its writers only outside any transaction.
    Alone,
}

/// What is run before a step, and after it on the same connection whatever has come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) set: &'static str,
    pub(crate) restore: &'static str,
}

/// Whether statements may be run that no transaction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freedom {
    Free,
    /// The caller's transaction is open.
    InTransaction,
}

/// What will be done about one difference, given the others.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) difference: Difference,
    pub(crate) remedy: Remedy,
}

/// A plan for each difference, in their order. MySQL and MariaDB have refused to fix the parts in
/// `copied` without copying the table.
pub(crate) fn plan(
    live: &Live,
    differences: &[Difference],
    freedom: Freedom,
    copied: &[Part],
) -> Vec<Plan> {
    let obstacles: Vec<Option<Obstacle>> = differences
        .iter()
        .map(|one| one.obstacle(differences))
        .collect();
    let mended: Vec<&Difference> = differences
        .iter()
        .zip(&obstacles)
        .filter(|(_, obstacle)| obstacle.is_none())
        .map(|(difference, _)| difference)
        .collect();
    // After each step the shape is inspected again, so only the first is ever run as it stands here.
    let steps = |difference: &Difference| match live.backend {
        DbBackend::Postgres => postgres::steps(difference, live, freedom),
        DbBackend::MySql => mysql::steps(difference, live, copied),
        DbBackend::Sqlite => sqlite::steps(difference, live, differences, &mended),
        _ => Err(Obstacle::unplanned()),
    };
    let planned = |(difference, obstacle): (&Difference, Option<Obstacle>)| {
        let steps = match obstacle {
            Some(obstacle) => Err(obstacle),
            None => steps(difference),
        };
        Plan {
            difference: difference.clone(),
            remedy: steps.map_or_else(Remedy::Left, Remedy::Repair),
        }
    };
    differences.iter().zip(obstacles).map(planned).collect()
}

/// Drops the table together with the record of the migration that makes it, where that is ours to keep:
/// nothing is recorded that is not there, also where each statement commits.
pub(crate) fn drop_vectors(backend: DbBackend, forget: Option<String>) -> Step {
    match backend {
        DbBackend::MySql => mysql::drop_vectors(forget),
        DbBackend::Sqlite => sqlite::drop_vectors(forget),
        _ => postgres::drop_vectors(forget),
    }
}

/// Drops all of these and nothing else: where something elsewhere depends on them, it fails.
pub(crate) fn drop_all(backend: DbBackend, relations: &[Relation]) -> Step {
    let quoted = |relation: &Relation| sql::identifier(backend, &relation.name);
    let (tables, others): (Vec<_>, Vec<_>) = relations.iter().partition(|one| one.is_table());
    let mut statements: Vec<String> = others
        .iter()
        .map(|relation| format!("DROP {} {}", relation.kind, quoted(relation)))
        .collect();
    let tables: Vec<String> = tables.into_iter().map(quoted).collect();
    let settings: &[Setting] = match backend {
        DbBackend::Sqlite => {
            // A parent may go before its child: both have gone when the keys are looked at.
            statements.insert(0, "PRAGMA defer_foreign_keys = ON".to_owned());
            statements.extend(tables.iter().map(|table| format!("DROP TABLE {table}")));
            &[]
        }
        _ if tables.is_empty() => &[],
        _ => {
            statements.push(format!("DROP TABLE {}", tables.join(", ")));
            match backend {
                DbBackend::MySql => &mysql::ROWS_UNCHECKED,
                _ => &[],
            }
        }
    };
    Step {
        statements,
        lock: Lock::said("all of them"),
        execution: Execution::Transaction { settings },
    }
}

/// A look that gives way to whoever has the table, and soon ends.
pub(crate) fn brief_look(backend: DbBackend) -> &'static [Setting] {
    match backend {
        DbBackend::Postgres => &postgres::BRIEF,
        DbBackend::MySql => &mysql::GIVING_WAY,
        _ => &[],
    }
}

/// Takes back how `vector_ids` is stored, together with the record of the migration.
pub(crate) fn restore_storage(live: &Live, forget: Option<String>) -> Step {
    match live.backend {
        DbBackend::Postgres => postgres::restore_storage(live, forget),
        _ => forget_alone(forget),
    }
}

/// Takes back a record whose migration has made nothing that is ours to drop.
pub(crate) fn forget_alone(forget: Option<String>) -> Step {
    Step {
        statements: Vec::from_iter(forget),
        lock: Lock::said("none"),
        execution: Execution::Transaction { settings: &[] },
    }
}

/// PostgreSQL: how a table that is made now will be stored.
pub(crate) fn store_new(live: &Live) -> Option<String> {
    let set = storage::of_a_new_table(live);
    (!set.is_empty()).then(|| postgres::store(&set))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::live::{Kind, Owner, Place, Reach, Sequence, Table};

    fn live(backend: DbBackend) -> Live {
        Live {
            backend,
            place: Place {
                database: "test".to_owned(),
                schema: None,
            },
            tables: Vec::new(),
            names: Vec::new(),
            documents: Some(Table::new(Kind::Table)),
            vectors: Some(Table::new(Kind::Table)),
            may_create_documents: false,
            compression: None,
            reach: Reach::Server,
        }
    }

    #[test]
    fn a_difference_that_no_step_fixes_is_left_to_a_person() {
        let narrow = Difference::SequenceNarrow {
            sequence: Sequence {
                name: "vectors_id_seq".to_owned(),
                owner: Owner::TheColumn,
            },
            declared: "smallint".to_owned(),
        };
        let engine = Difference::StorageEngine {
            engine: "Aria".to_owned(),
            numbers_within_a_group: false,
        };
        let unplanned = [
            (DbBackend::MySql, &narrow),
            (DbBackend::Sqlite, &narrow),
            (DbBackend::Postgres, &engine),
            (DbBackend::Sqlite, &engine),
        ];
        for (backend, difference) in unplanned {
            let plans = plan(
                &live(backend),
                std::slice::from_ref(difference),
                Freedom::Free,
                &[],
            );

            let remedies: Vec<&Remedy> = plans.iter().map(|plan| &plan.remedy).collect();
            assert_eq!(
                remedies,
                [&Remedy::Left(Obstacle::unplanned())],
                "{backend:?}: {difference:?}"
            );
        }
    }
}
