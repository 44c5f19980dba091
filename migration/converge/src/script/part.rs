//! One migration's part of a script.

use super::{
    Script, Version,
    guard::{self, Guard},
};
use crate::{
    CreateRequired, Error,
    declare::{Declared, Role},
    diff::{Change, Difference, Element, Part as Kind, name::name},
    engine::Engine,
    facts::Facts,
    foresee::Foresight,
    inspect::{Compression, Inspection},
    plan::{self, Execution, Plan, Step, Steps, Undo, Undone, required},
    session::TxMode,
    simulated,
};

pub(super) struct Part<'v> {
    pub(super) migration: &'v str,
    pub(super) guards: Vec<Guard>,
    /// The required tables that are created if they are missing.
    pub(super) required: Vec<Creation<'v>>,
    /// The tables to which the rows of a table belong that is created here.
    pub(super) parents: Vec<&'v str>,
    pub(super) statements: Vec<String>,
    /// PostgreSQL: how columns are stored.
    pub(super) storage: Option<Storage>,
}

pub(super) struct Creation<'v> {
    pub(super) table: &'v str,
    pub(super) statements: Vec<String>,
}

/// How columns are stored. A server may have been built without lz4, so the script asks when it
/// runs.
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
            parents: parents(version),
            statements: statements(script.backend, version)?,
            storage: Storage::of(script.backend, |compression| {
                Ok(stored(version, compression))
            })?,
        })
    }

    pub(super) fn down(
        script: &Script<'_>,
        version: &'v Version,
        taken: &[&Version],
    ) -> Result<Self, Error> {
        let undo = undo(script.backend, version);
        let after = simulated::after(script.backend, &version.newer, None);
        let statements = undoing(script.backend, version, &undo, &after)?;
        Ok(Self {
            migration: &version.migration,
            guards: guard::down(script, version, &undo, taken),
            required: Vec::new(),
            parents: Vec::new(),
            statements,
            storage: Storage::of(script.backend, |compression| restored(version, compression))?,
        })
    }
}

impl Storage {
    fn of(
        backend: Engine,
        set: impl Fn(Compression) -> Result<Vec<String>, Error>,
    ) -> Result<Option<Self>, Error> {
        let storage = Self {
            with_lz4: set(Compression::Lz4)?,
            without: set(Compression::PglzAlone)?,
        };
        let is_any = !storage.with_lz4.is_empty() || !storage.without.is_empty();
        Ok((backend == Engine::Postgres && is_any).then_some(storage))
    }
}

fn parents(version: &Version) -> Vec<&str> {
    let tables = version.newer.tables.iter();
    let made = tables.filter(|one| {
        one.role == Role::Own && version.older.table_named(&one.table.name).is_none()
    });
    let keys = made.filter_map(|declared| declared.table.parent_key());
    keys.map(|key| key.table.as_str()).collect()
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

fn statements(backend: Engine, version: &Version) -> Result<Vec<String>, Error> {
    let mut statements = Vec::new();
    for Plan { change, remedy } in plans(backend, version) {
        let steps = remedy.steps().filter(|steps| steps.iter().all(is_plain));
        let steps = steps.ok_or_else(|| unscripted(version, &change))?;
        if backend == Engine::MySql && is_foreign_key(&change) {
            // A server's default may be to check no row.
            statements.push("SET SESSION foreign_key_checks = 1".to_owned());
        }
        statements.extend(steps.iter().flat_map(|step| step.statements.clone()));
    }
    Ok(statements)
}

/// Returns the plans of `up`.
fn plans(backend: Engine, version: &Version) -> Vec<Plan> {
    planned(
        simulated::inspection(backend, &tables_before(version), None),
        version,
    )
}

/// Returns the tables that the version requires as existing: a guard stops if they do not exist,
/// unless they are created first.
fn tables_before(version: &Version) -> Vec<Declared> {
    let there = |declared: &Declared| match declared.role {
        Role::Required { .. } => Some(declared.clone()),
        Role::Own => version.older.declared(&declared.table.name).cloned(),
    };
    version.newer.tables.iter().filter_map(there).collect()
}

fn planned(current: Inspection, version: &Version) -> Vec<Plan> {
    // MySQL checks existing rows only where it copies the table.
    let keys = version.newer.tables.iter().flat_map(|declared| {
        let keys = declared.table.foreign_keys.iter();
        keys.map(|key| Element::new(&declared.table.name, Kind::ForeignKey(key.columns.concat())))
    });
    let copied: Vec<Element> = keys.collect();
    Foresight::of(current).plans(
        &version.newer,
        TxMode::InTransaction,
        &copied,
        &mut Facts::default(),
    )
}

fn is_foreign_key(change: &Change) -> bool {
    matches!(change.difference, Difference::ForeignKeyAbsent { .. })
}

/// Returns whether a step is no rebuild, which starts from the statement that has created the
/// table.
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

/// Returns the statements that change how columns are stored.
fn stored(version: &Version, compression: Compression) -> Vec<String> {
    let plans = planned(unstored(version, compression), version);
    let steps = plans.iter().filter_map(|plan| plan.remedy.steps());
    let steps = steps.flat_map(Steps::iter);
    steps.flat_map(|step| step.statements.clone()).collect()
}

/// Returns an inspection with a version, except for the storage that it changes.
fn unstored(version: &Version, compression: Compression) -> Inspection {
    let stored_before = |declared: &Declared| {
        let older = version.older.declared(&declared.table.name);
        Declared {
            fast_storage: older.map_or(Vec::new(), |older| older.fast_storage.clone()),
            ..declared.clone()
        }
    };
    let tables: Vec<Declared> = version.newer.tables.iter().map(stored_before).collect();
    simulated::inspection(Engine::Postgres, &tables, Some(compression))
}

/// Returns what undoes the result of `up` of the version.
fn undo(backend: Engine, version: &Version) -> Undo {
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

/// Returns the statements that restore how columns were stored.
fn restored(version: &Version, compression: Compression) -> Result<Vec<String>, Error> {
    let backend = Engine::Postgres;
    let after = simulated::after(backend, &version.newer, Some(compression));
    let mut undo = Undo::between(&version.older, &version.newer, Some(&after));
    undo.parts
        .retain(|part| matches!(part, Undone::Storage { .. }));
    undoing(backend, version, &undo, &after)
}

fn undoing(
    backend: Engine,
    version: &Version,
    undo: &Undo,
    after: &Inspection,
) -> Result<Vec<String>, Error> {
    let steps = plan::undo(backend, undo, Some(after), &[], None);
    let steps = steps.map_err(|reason| Error::Unscripted {
        migration: version.migration.clone(),
        reason,
    })?;
    Ok(steps.into_iter().flat_map(|step| step.statements).collect())
}
