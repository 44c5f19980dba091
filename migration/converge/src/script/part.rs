//! One migration's share of a script.

use sea_orm::DbBackend;

use super::{
    Script, Version,
    guard::{self, Guard},
    simulated,
};
use crate::{
    CreateRequired, Error,
    declare::Role,
    diff::{self, Change, Difference, Element, name::name},
    facts::Facts,
    inspect::{Compression, Inspection},
    plan::{self, Context, Execution, Plan, Step, Steps, Undo, Undone, required},
    session::TxMode,
};

pub(super) struct Part<'v> {
    pub(super) migration: &'v str,
    pub(super) guards: Vec<Guard>,
    /// The required tables that are made where they are missing.
    pub(super) required: Vec<Creation<'v>>,
    pub(super) statements: Vec<String>,
    /// PostgreSQL: how columns are stored.
    pub(super) storage: Option<Storage>,
}

pub(super) struct Creation<'v> {
    pub(super) table: &'v str,
    pub(super) statements: Vec<String>,
}

/// A server may have been built without lz4, and is asked when the script is run.
pub(super) struct Storage {
    pub(super) with_lz4: Vec<String>,
    pub(super) without: Vec<String>,
}

impl<'v> Part<'v> {
    pub(super) fn up(script: &Script<'_>, version: &'v Version) -> Result<Self, Error> {
        Ok(Self {
            migration: &version.migration,
            guards: guard::up(script, version),
            required: creations(script, version),
            statements: statements(script.backend, version)?,
            storage: Storage::of(script.backend, |compression| stored(version, compression)),
        })
    }

    pub(super) fn down(script: &Script<'_>, version: &'v Version, taken: &[&Version]) -> Self {
        let undo = undo(script.backend, version);
        Self {
            migration: &version.migration,
            guards: guard::down(script, version, &undo, taken),
            required: Vec::new(),
            statements: plan::undo(script.backend, &undo, None).statements,
            storage: Storage::of(script.backend, |compression| restored(version, compression)),
        }
    }
}

impl Storage {
    fn of(backend: DbBackend, set: impl Fn(Compression) -> Vec<String>) -> Option<Self> {
        let storage = Self {
            with_lz4: set(Compression::Lz4),
            without: set(Compression::PglzAlone),
        };
        let is_any = !storage.with_lz4.is_empty() || !storage.without.is_empty();
        (backend == DbBackend::Postgres && is_any).then_some(storage)
    }
}

fn creations<'v>(script: &Script<'_>, version: &'v Version) -> Vec<Creation<'v>> {
    match script.settings.create_required {
        CreateRequired::Nowhere => return Vec::new(),
        CreateRequired::Anywhere | CreateRequired::In(_) => {}
    }
    let made = version.newer.made_beyond(&version.older);
    let creations = made.filter_map(|declared| match &declared.role {
        Role::Required { by } => Some(Creation {
            table: &declared.table.name,
            statements: required::create(script.backend, &declared.table, by),
        }),
        Role::Own => None,
    });
    creations.collect()
}

fn statements(backend: DbBackend, version: &Version) -> Result<Vec<String>, Error> {
    let mut statements = Vec::new();
    for Plan { change, remedy } in plans(backend, version) {
        let steps = remedy.steps().filter(|steps| steps.iter().all(is_plain));
        let steps = steps.ok_or_else(|| unscripted(version, &change))?;
        if backend == DbBackend::MySql && is_foreign_key(&change) {
            // A server's default may be to look at no row.
            statements.push("SET SESSION foreign_key_checks = 1".to_owned());
        }
        statements.extend(steps.iter().flat_map(|step| step.statements.clone()));
    }
    Ok(statements)
}

/// What `up` plans: first the columns, and then what may be built on them.
fn plans(backend: DbBackend, version: &Version) -> Vec<Plan> {
    let is_column = |plan: &Plan| matches!(plan.change.difference, Difference::ColumnAbsent { .. });
    let mut plans = planned(&simulated::before(backend, version), version);
    plans.retain(is_column);
    plans.extend(planned(&simulated::widened(backend, version), version));
    plans
}

fn planned(current: &Inspection, version: &Version) -> Vec<Plan> {
    let changes = diff::changes(current, &version.newer, &mut Facts::default());
    // MySQL looks at the rows that are there only where it copies the table.
    let keys = changes.iter().filter(|change| is_foreign_key(change));
    let copied: Vec<Element> = keys.map(Change::element).collect();
    let context = Context {
        current,
        shape: &version.newer,
        mode: TxMode::InTransaction,
        copied: &copied,
    };
    plan::plan(&context, &changes)
}

fn is_foreign_key(change: &Change) -> bool {
    matches!(change.difference, Difference::ForeignKeyAbsent { .. })
}

/// A rebuild starts from the statement that has made the table.
fn is_plain(step: &Step) -> bool {
    match step.execution {
        Execution::Transaction { .. } | Execution::DropRequired { .. } => true,
        Execution::Compared { .. } | Execution::Alone { .. } => false,
    }
}

fn unscripted(version: &Version, change: &Change) -> Error {
    let changed = name(&version.newer, &change.element());
    Error::Unscripted {
        migration: version.migration.clone(),
        reason: format!("what makes {changed} as declared depends on what is there"),
    }
}

/// The statements that store columns so from now on.
fn stored(version: &Version, compression: Compression) -> Vec<String> {
    let plans = planned(&simulated::unstored(version, compression), version);
    let steps = plans.iter().filter_map(|plan| plan.remedy.steps());
    let steps = steps.flat_map(Steps::iter);
    steps.flat_map(|step| step.statements.clone()).collect()
}

/// What `up` would have made of the version.
fn undo(backend: DbBackend, version: &Version) -> Undo {
    let plans = plans(backend, version);
    let is_made = |table: &str, index: &str| {
        plans
            .iter()
            .any(|Plan { change, .. }| match &change.difference {
                Difference::IndexAbsent { declared, .. } => {
                    change.table == table && declared.name == index
                }
                _ => false,
            })
    };
    let after = simulated::after(backend, &version.newer, None);
    let mut undo = Undo::between(&version.older, &version.newer, Some(&after));
    undo.parts.retain(|part| match part {
        // Another index may serve instead.
        Undone::Index { table, name, .. } => is_made(table, name),
        Undone::ForeignKey { .. }
        | Undone::Column { .. }
        | Undone::Storage { .. }
        | Undone::Table { .. } => true,
    });
    undo
}

/// The statements that store columns as before.
fn restored(version: &Version, compression: Compression) -> Vec<String> {
    let backend = DbBackend::Postgres;
    let after = simulated::after(backend, &version.newer, Some(compression));
    let mut undo = Undo::between(&version.older, &version.newer, Some(&after));
    undo.parts
        .retain(|part| matches!(part, Undone::Storage { .. }));
    plan::undo(backend, &undo, None).statements
}
