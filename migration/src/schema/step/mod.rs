//! What is done about a difference: the statements for this engine, the lock that they take, and how
//! they are run.

pub(crate) mod documents;
mod mysql;
mod postgres;
mod sqlite;

use sea_orm::DbBackend;

use super::{
    difference::{Difference, Remedy, storage},
    live::{Live, Relation},
};
/// Statements that are run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) statements: Vec<String>,
    /// What others cannot do meanwhile.
    pub(crate) lock: &'static str,
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
    pub(crate) steps: Vec<Step>,
}

/// A plan for each difference, in their order.
pub(crate) fn plan(live: &Live, differences: &[Difference], freedom: Freedom) -> Vec<Plan> {
    let remedies: Vec<Remedy> = differences
        .iter()
        .map(|one| one.remedy(differences))
        .collect();
    let mended: Vec<&Difference> = differences
        .iter()
        .zip(&remedies)
        .filter(|(_, remedy)| **remedy == Remedy::Repair)
        .map(|(difference, _)| difference)
        .collect();
    let planned = |(difference, remedy): (&Difference, &Remedy)| {
        let steps = match remedy {
            Remedy::Repair => steps(difference, live, differences, &mended, freedom),
            _ => Ok(Vec::new()),
        };
        let (remedy, steps) = match steps {
            Ok(steps) => (remedy.clone(), steps),
            Err(instead) => (instead, Vec::new()),
        };
        Plan {
            difference: difference.clone(),
            remedy,
            steps,
        }
    };
    differences.iter().zip(&remedies).map(planned).collect()
}

/// Deletes rows whose document does not exist; it is run until it deletes none.
pub(crate) fn delete_orphans(backend: DbBackend) -> Step {
    match backend {
        DbBackend::MySql => mysql::delete_orphans(),
        DbBackend::Sqlite => sqlite::delete_orphans(),
        _ => postgres::delete_orphans(),
    }
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
    let quote = match backend {
        DbBackend::MySql => "`",
        _ => "\"",
    };
    let quoted = |relation: &Relation| {
        let name = relation.name.replace(quote, &quote.repeat(2));
        format!("{quote}{name}{quote}")
    };
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
        lock: "all of them",
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
        lock: "none",
        execution: Execution::Transaction { settings: &[] },
    }
}

/// PostgreSQL: how a table that is made now will be stored.
pub(crate) fn store_new(live: &Live) -> Option<String> {
    let set = storage::of_a_new_table(live);
    (!set.is_empty()).then(|| postgres::store(&set))
}

/// The steps that are left for a difference. After each the shape is looked at again, so only the
/// first is ever taken as it stands here. An error is what remains to be done instead.
fn steps(
    difference: &Difference,
    live: &Live,
    all: &[Difference],
    mended: &[&Difference],
    freedom: Freedom,
) -> Result<Vec<Step>, Remedy> {
    match live.backend {
        DbBackend::Postgres => Ok(postgres::steps(difference, live, freedom)),
        DbBackend::MySql => Ok(mysql::steps(difference, live)),
        DbBackend::Sqlite => sqlite::steps(difference, live, all, mended),
        _ => Ok(Vec::new()),
    }
}
