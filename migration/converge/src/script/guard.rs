//! Where a script would go wrong, and so stops.

use super::{Records, Script, Version, catalog};
use crate::{
    declare::{Declared, Role, Shape},
    engine::Engine,
    model::{Column, ForeignKey, Index, Table, Type},
    plan::{Undo, Undone},
};

/// The length of a name in MySQL, which raises an error of one's own only as the name of a missing table.
const LONGEST_MESSAGE: usize = 64;

/// A condition in SQL, and what is said where it holds.
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

/// What the guards of one version are made from.
struct Guarded<'g> {
    script: &'g Script<'g>,
    /// The condition that its migration is recorded.
    recorded: String,
}

/// Stops where `up` would refuse, and where only `up` can see what is there.
pub(super) fn up(script: &Script<'_>, version: &Version) -> Vec<Guard> {
    let guarded = Guarded::new(script, version);
    let tables = version.newer.tables.iter();
    let guards = tables.flat_map(|declared| {
        let before = version.older.table_named(&declared.table.name);
        match (&declared.role, before) {
            (Role::Required { .. }, None) => {
                let missing = guarded.missing(&declared.table.name, &version.newer);
                missing
                    .into_iter()
                    .chain(guarded.unfit(declared, None))
                    .collect()
            }
            (Role::Required { .. }, before) => guarded.unfit(declared, before),
            (Role::Own, None) => guarded.made(&declared.table),
            (Role::Own, Some(before)) => guarded.changed(&declared.table, before),
        }
    });
    guards.collect()
}

/// Stops where others would lose rows or a key, and where SQLite would drop what is not recorded.
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

    /// Whether statements are run whatever is recorded.
    fn skips_nothing(&self) -> bool {
        self.script.backend == Engine::Sqlite
    }

    fn has_table(&self, table: &str) -> String {
        catalog::has_table(self.script.backend, table)
    }

    /// Stops where this holds and the migration is not recorded.
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

    /// The columns that the application's table has to have, and had not to before.
    fn unfit(&self, declared: &Declared, before: Option<&Table>) -> Vec<Guard> {
        let table = &declared.table;
        let is_new =
            |column: &&Column| before.is_none_or(|before| before.column(&column.name).is_none());
        let has = self.has_table(&table.name);
        let unfit = |column: &Column| {
            let fits = catalog::has_required_column(self.script.backend, table, column);
            let named = format!("{}.{}", table.name, column.name);
            let message = match column.kind {
                Type::Integer { bits, .. } => format!("{named} is not a {bits}-bit integer"),
                _ => format!("there is no {named}"),
            };
            self.due(
                &format!("{has} AND NOT {fits}"),
                format!("{message}: migration check tells"),
            )
        };
        table.columns.iter().filter(is_new).map(unfit).collect()
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

    /// Elsewhere the statement itself fails where there is such a column or index.
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

    /// No condition leaves the statement out that adds a column.
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

    /// Others' foreign keys, without those that this script drops before.
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

    /// SQLite drops a key only with its table.
    fn is_key_dropped(&self, version: &Version, referrer: &Table, table: &str) -> bool {
        let before = version.older.table_named(&referrer.name);
        let is_new =
            |key: &&ForeignKey| before.is_none_or(|before| !before.foreign_keys.contains(key));
        let mut keys = referrer.foreign_keys.iter().filter(is_new);
        referrer.name != table
            && (before.is_none() || !self.skips_nothing())
            && keys.any(|key| key.table == table)
    }

    /// What is dropped whatever is recorded.
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
            // Where there is none, the statement fails.
            Undone::Column { table, column } => Some(Guard::new(
                format!("NOT {}", self.recorded),
                format!("{table}.{column} is not recorded as added: use migration down"),
            )),
            Undone::ForeignKey { .. } | Undone::Storage { .. } => None,
        }
    }
}

/// SQLite makes no index where another table has one of its name, and says nothing.
fn name_taken(table: &Table, index: &Index) -> Guard {
    Guard::new(
        catalog::is_taken(&table.name, &index.name),
        format!("another table has the index {}: rename that", index.name),
    )
}
