//! Guards: where a script would go wrong, it stops.

use super::{Records, Script, Version, catalog};
use crate::{
    declare::{Declared, Role, Shape},
    engine::Engine,
    model::{Column, ForeignKey, Index, Table, Type},
    plan::{Undo, Undone},
};

/// The longest name in MySQL, which can raise a message of one's own only as the name of a missing
/// table.
const LONGEST_MESSAGE: usize = 64;

/// A condition in SQL, and the message with which the script stops if it holds.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) condition: String,
    pub(super) message: String,
}

impl Guard {
    pub(super) fn new(condition: String, message: impl AsRef<str>) -> Self {
        let message = message.as_ref().chars().take(LONGEST_MESSAGE).collect();
        Self { condition, message }
    }

    pub(super) fn against_others(records: &dyn Records) -> Self {
        Self::new(
            records.has_others(),
            "a later release or another migrator was here: see migration up",
        )
    }
}

/// The input from which the guards of one version are made.
struct Guarded<'g> {
    script: &'g Script<'g>,
    /// The condition that its migration is recorded.
    recorded: String,
}

/// Returns the guards that stop where `up` would refuse, and where only `up` can inspect the
/// tables.
pub(super) fn up(script: &Script<'_>, version: &Version) -> Vec<Guard> {
    let guarded = Guarded::new(script, version);
    let tables = version.newer.tables.iter();
    let guards = tables.flat_map(|declared| {
        let before = version.older.table_named(&declared.table.name);
        match (&declared.role, before) {
            (Role::Required { .. }, None) => {
                guarded.missing(&declared.table.name, &version.newer).into()
            }
            (Role::Required { .. }, Some(_)) => Vec::new(),
            (Role::Own, None) => guarded.made(&declared.table),
            (Role::Own, Some(before)) => guarded.changed(&declared.table, before),
        }
    });
    guards.collect()
}

/// Returns the guards that stop where `up` would refuse an application's table to which one of
/// these versions refers.
pub(super) fn required(script: &Script<'_>, versions: &[Version]) -> Vec<Guard> {
    let newest = versions.last().map(|version| &version.newer.tables);
    let required = newest.into_iter().flatten();
    let required = required.filter(|declared| declared.role != Role::Own);
    let guards = required.flat_map(|declared| unfit(script, versions, &declared.table));
    guards.collect()
}

fn unfit(script: &Script<'_>, versions: &[Version], table: &Table) -> Vec<Guard> {
    let backend = script.backend;
    let name = &table.name;
    let has = catalog::has_table(backend, name);
    // Stops if a version is pending that requires the table.
    let stop = |is_required: &dyn Fn(&Table) -> bool, fits: &str, message: String| {
        let requires = |version: &&Version| {
            let before = version.newer.table_named(name);
            before.is_some_and(is_required)
        };
        let due = versions.iter().filter(requires);
        let due = due.map(|version| format!("NOT {}", script.records.has(&version.migration)));
        let due: Vec<String> = due.collect();
        Guard::new(
            format!("({}) AND {has} AND NOT {fits}", due.join(" OR ")),
            message,
        )
    };
    let kind = stop(
        &|_| true,
        &catalog::is_referable(backend, name),
        format!("no foreign key can refer to {name}: migration check tells"),
    );
    let columns = table.columns.iter().map(|column| {
        let named = format!("{name}.{}", column.name);
        let wanted = match column.kind {
            Type::Integer { bits, .. } => format!("a {bits}-bit integer"),
            kind => kind.spelled(backend),
        };
        stop(
            &|table| table.column(&column.name).is_some(),
            &catalog::has_required_column(backend, table, column),
            format!("{named} is not {wanted}: migration check tells"),
        )
    });
    let key = match table.primary_key.as_slice() {
        [key] => Some(stop(
            &|_| true,
            &catalog::is_key(backend, name, key),
            format!("{name}.{key} alone is no key: migration check tells"),
        )),
        _ => None,
    };
    let hidden = catalog::is_hidden(backend, name).map(|is_hidden| {
        stop(
            &|_| true,
            &format!("(NOT {is_hidden})"),
            format!("row-level security may hide rows of {name}: see check"),
        )
    });
    let kind = std::iter::once(kind);
    kind.chain(columns).chain(key).chain(hidden).collect()
}

/// Returns the guards that stop where other tables would lose rows or a key, and where SQLite would
/// drop what is not recorded.
pub(super) fn down(
    script: &Script<'_>,
    version: &Version,
    undo: &Undo,
    taken: &[&Version],
) -> Vec<Guard> {
    let guarded = Guarded::new(script, version);
    let referred_to = undo.tables().map(|table| guarded.referred_to(table, taken));
    let parts = undo.parts.iter().filter(|_| guarded.skips_nothing());
    let unrecorded = parts.filter_map(|part| guarded.unrecorded(part));
    referred_to.chain(unrecorded).collect()
}

impl<'g> Guarded<'g> {
    fn new(script: &'g Script<'g>, version: &Version) -> Self {
        Self {
            script,
            recorded: script.records.has(&version.migration),
        }
    }

    /// Returns whether statements are run regardless of what is recorded.
    fn skips_nothing(&self) -> bool {
        self.script.backend == Engine::Sqlite
    }

    fn has_table(&self, table: &str) -> String {
        catalog::has_table(self.script.backend, table)
    }

    /// Returns a guard that stops if the condition holds and the migration is not recorded.
    fn due(&self, condition: &str, message: impl AsRef<str>) -> Guard {
        Guard::new(format!("NOT {} AND {condition}", self.recorded), message)
    }

    fn missing(&self, table: &str, shape: &Shape) -> [Guard; 2] {
        let Script {
            backend, settings, ..
        } = self.script;
        let has = self.has_table(table);
        let referrers = shape
            .referrers_of(table)
            .map(|(referrer, _)| self.has_table(&referrer.name));
        let was_there: Vec<String> = std::iter::once(self.recorded.clone())
            .chain(referrers)
            .collect();
        let may_be_made = catalog::is_where_required_is_made(*backend, &settings.create_required);
        [
            Guard::new(
                format!("NOT {has} AND ({})", was_there.join(" OR ")),
                format!("{table} has been there and is gone: see migration check"),
            ),
            self.due(
                &format!("NOT {has} AND NOT ({may_be_made})"),
                format!("there is no table {table}: start the application first"),
            ),
        ]
    }

    fn made(&self, table: &Table) -> Vec<Guard> {
        let there = self.due(
            &self.has_table(&table.name),
            format!(
                "{} is there, but not recorded: use migration up",
                table.name
            ),
        );
        let indexes = table.indexes.iter().filter(|_| self.skips_nothing());
        let taken = indexes.map(|index| name_taken(table, index));
        std::iter::once(there).chain(taken).collect()
    }

    /// Returns guards for SQLite. On the other engines the statement itself fails if the column or
    /// index exists.
    fn changed(&self, table: &Table, before: &Table) -> Vec<Guard> {
        if !self.skips_nothing() {
            return Vec::new();
        }
        let columns = table.columns.iter();
        let columns = columns.filter(|column| before.column(&column.name).is_none());
        let columns = columns.flat_map(|column| self.added(table, column));
        let indexes = table.indexes.iter();
        let indexes = indexes.filter(|index| !before.indexes.contains(index));
        let indexes = indexes.flat_map(|index| {
            let there = self.due(
                &catalog::has_index(&table.name, &index.name),
                format!(
                    "{} is there, but not recorded: use migration up",
                    index.name
                ),
            );
            [name_taken(table, index), there]
        });
        columns.chain(indexes).collect()
    }

    /// Returns guards for a column, because no condition can skip the statement that adds it.
    fn added(&self, table: &Table, column: &Column) -> [Guard; 2] {
        let named = format!("{}.{}", table.name, column.name);
        [
            self.due(
                &catalog::has_column(&table.name, &column.name),
                format!("{named} is there, but not recorded: use migration up"),
            ),
            Guard::new(
                self.recorded.clone(),
                format!("{named} was added before: use migration up for the rest"),
            ),
        ]
    }

    /// Returns a guard for foreign keys of other tables, except those that this script has dropped
    /// before.
    fn referred_to(&self, table: &str, taken: &[&Version]) -> Guard {
        let Script {
            backend, records, ..
        } = self.script;
        let dropped = taken.iter().flat_map(|version| {
            let refers = |one: &&Declared| self.is_key_dropped(version, &one.table, table);
            let referrers = version.newer.tables.iter().filter(refers);
            referrers.map(|one| catalog::Dropped {
                referrer: &one.table.name,
                recorded: records.has(&version.migration),
            })
        });
        let dropped: Vec<catalog::Dropped<'_>> = dropped.collect();
        Guard::new(
            catalog::is_referred_to(*backend, table, &dropped),
            format!("another table refers to {table}: drop that key first"),
        )
    }

    /// Returns whether a key is dropped before. SQLite drops a key only with its table.
    fn is_key_dropped(&self, version: &Version, referrer: &Table, table: &str) -> bool {
        let before = version.older.table_named(&referrer.name);
        let is_new =
            |key: &&ForeignKey| before.is_none_or(|before| !before.foreign_keys.contains(key));
        let mut keys = referrer.foreign_keys.iter().filter(is_new);
        referrer.name != table
            && (before.is_none() || !self.skips_nothing())
            && keys.any(|key| key.table == table)
    }

    /// Returns a guard for what is dropped regardless of what is recorded.
    fn unrecorded(&self, part: &Undone) -> Option<Guard> {
        let is_there = |has: String, name: &str| {
            self.due(
                &has,
                format!("{name} is there, but not recorded: it would be dropped"),
            )
        };
        match part {
            Undone::Table { table } => Some(is_there(self.has_table(table), table)),
            Undone::Index { table, name, .. } => {
                Some(is_there(catalog::has_index(table, name), name))
            }
            // If the column does not exist, the statement fails.
            Undone::Column { table, column } => Some(Guard::new(
                format!("NOT {}", self.recorded),
                format!("{table}.{column} is not recorded as added: use migration down"),
            )),
            Undone::ForeignKey { .. } | Undone::Storage { .. } => None,
        }
    }
}

/// Returns a guard for an index. SQLite creates no index if another table has one of its name, and
/// reports nothing.
fn name_taken(table: &Table, index: &Index) -> Guard {
    Guard::new(
        catalog::is_taken(&table.name, &index.name),
        format!("another table has the index {}: rename that", index.name),
    )
}
