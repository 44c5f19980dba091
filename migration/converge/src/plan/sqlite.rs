//! SQLite cannot change a column or a key of a table, so the table is rebuilt once for everything
//! that is fixed.

mod compare;
mod definition;
mod rebuild;
mod token;
use sea_query::{Alias, SqliteQueryBuilder, Table as TableStatement};

use super::{
    Both, Context, Execution, Lock, Obstacle, Setting, Step, Steps, Undo, Undone, required,
};
use crate::{
    create,
    declare::{Declared, Role},
    diff::{Change, Difference},
    engine::Engine,
    inspect::Inspection,
    model::{Column, ForeignKey, Index, Table},
    sql,
};

const WRITERS: Lock = Lock::for_a_moment("the write lock of the database file");
const WHILE_INDEXED: Lock = Lock::while_read(
    "the write lock of the database file",
    "while the index is built",
);
const WHILE_REBUILT: Lock = Lock::while_rewritten(
    "the write lock of the database file",
    "while the table is rebuilt",
);
const WHILE_NUMBERED: Lock = Lock::while_rewritten(
    "the write lock of the database file",
    "while the table is rebuilt with the numbers of its rows as its key",
);

/// Settings under which the views and triggers that name the table are left unchanged while it is
/// renamed, and under which foreign keys are counted at COMMIT. A row of the new table that
/// violates a key makes up for the same row of the old one, so no rebuild is refused for what it
/// does not change. COMMIT also ends that setting; ending it earlier would discard the count.
const REBUILDING: [Setting; 1] = [Setting {
    set: "PRAGMA legacy_alter_table = ON; PRAGMA defer_foreign_keys = ON",
    restore: "PRAGMA legacy_alter_table = OFF",
}];

/// Returns the steps that fix one of `all` changes, given those of its table that nothing prevents.
pub(super) fn steps(
    change: &Change,
    context: &Context<'_>,
    all: &[Change],
    fixed: &[&Change],
) -> Result<Steps, Obstacle> {
    let both = context.both(change)?;
    let table = &both.declared.table;
    let step = match &change.difference {
        Difference::RequiredAbsent { .. } => step(create_required(both.declared)?, WRITERS),
        Difference::TableAbsent => step(create_table(context.current, table), WRITERS),
        Difference::ColumnAbsent { declared, .. } if declared.nullable => {
            step([add_column(&table.name, declared)], WRITERS)
        }
        // SQLite neither hides an index nor leaves one half-built.
        Difference::IndexAbsent { declared, .. } | Difference::IndexUnfit { declared, .. } => step(
            [create_index(context.current, &table.name, declared)],
            WHILE_INDEXED,
        ),
        Difference::Narrow { .. }
        | Difference::Nullable { .. }
        | Difference::PrimaryKey { .. }
        | Difference::AutoIncrement { .. }
        | Difference::ForeignKeyAbsent { .. }
        | Difference::ForeignKeyUnlike { .. } => rebuild(context.current, &both, all, fixed)?,
        Difference::RequiredUnfit { .. }
        | Difference::NotATable { .. }
        | Difference::StorageEngine { .. }
        | Difference::ColumnAbsent { .. }
        | Difference::WrongType { .. }
        | Difference::Generated { .. }
        | Difference::Unreadable { .. }
        | Difference::RowsRefused { .. }
        | Difference::Unwritable { .. }
        | Difference::InsteadRule { .. }
        | Difference::NotNullable { .. }
        | Difference::NumbersBehind { .. }
        | Difference::SequenceLimited { .. }
        | Difference::Placement { .. }
        | Difference::Orphans(_)
        | Difference::ForeignKeyUnvalidated { .. }
        | Difference::ForeignKeyElsewhere { .. }
        | Difference::IndexUnique { .. }
        | Difference::Storage { .. }
        | Difference::InsertBlocked { .. } => return Err(Obstacle::unplanned()),
    };
    Ok(step.into())
}

/// Undoes what a migration declares: first the keys, for which their tables are rebuilt once
/// nothing refers to them, and after the record the rest.
pub(super) fn undo(
    undo: &Undo,
    current: Option<&Inspection>,
    dropped_before: &[String],
    forget: Option<String>,
) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let dropped: Vec<String> = undo.tables().map(str::to_owned).collect();
    let gone = [dropped.as_slice(), dropped_before].concat();
    for found in current.into_iter().flat_map(|current| &current.found) {
        let keys = undo.parts.iter().filter_map(|part| match part {
            Undone::ForeignKey { table, key } if *table == found.name => Some(key),
            _ => None,
        });
        let keys: Vec<&ForeignKey> = keys.collect();
        if let (Some(current), false) = (current, keys.is_empty()) {
            let referrers = current.found.iter().filter(|table| {
                let mut keys = table.foreign_keys.iter();
                dropped.contains(&table.name)
                    && keys.any(|key| key.table.eq_ignore_ascii_case(&found.name))
            });
            let first = referrers.map(|table| drop_table(&table.name));
            let first: Vec<String> = first.collect();
            if !first.is_empty() {
                steps.push(step(first, WRITERS));
            }
            steps.push(rebuilt(rebuild::without_keys(
                current, found, &keys, &gone,
            )?));
        }
    }
    let parts = undo.parts.iter().filter_map(undone);
    let statements: Vec<String> = forget.into_iter().chain(parts).collect();
    if !statements.is_empty() {
        steps.push(step(statements, WRITERS));
    }
    Ok(steps)
}

fn undone(part: &Undone) -> Option<String> {
    match part {
        Undone::Table { table } => Some(drop_table(table)),
        Undone::Index { name, .. } => Some(format!("DROP INDEX IF EXISTS {}", quoted(name))),
        Undone::Column { table, column } => Some(format!(
            "ALTER TABLE {} DROP COLUMN {}",
            quoted(table),
            quoted(column)
        )),
        // A key is dropped when its table is rebuilt; every column is stored alike.
        Undone::ForeignKey { .. } | Undone::Storage { .. } => None,
    }
}

fn drop_table(table: &str) -> String {
    let mut drop = TableStatement::drop();
    drop.table(Alias::new(table)).if_exists();
    drop.to_string(SqliteQueryBuilder)
}

fn create_required(declared: &Declared) -> Result<Vec<String>, Obstacle> {
    match &declared.role {
        Role::Required { by } => Ok(required::create(Engine::Sqlite, &declared.table, by)),
        Role::Own => Err(Obstacle::unplanned()),
    }
}

fn create_table(current: &Inspection, table: &Table) -> Vec<String> {
    let create = create::table(
        Engine::Sqlite,
        table,
        &table.primary_key,
        &table.foreign_keys,
    );
    let indexes = table.indexes.iter();
    let indexes = indexes.map(|index| create_index(current, &table.name, index));
    std::iter::once(create.to_string(SqliteQueryBuilder))
        .chain(indexes)
        .collect()
}

fn create_index(current: &Inspection, table: &str, index: &Index) -> String {
    let name = current.free_index_name(table, &index.name);
    create::index(Engine::Sqlite, table, index, &name).to_string(SqliteQueryBuilder)
}

fn add_column(table: &str, column: &Column) -> String {
    TableStatement::alter()
        .table(Alias::new(table))
        .add_column(create::column(Engine::Sqlite, column))
        .to_string(SqliteQueryBuilder)
}

fn rebuild(
    current: &Inspection,
    both: &Both<'_>,
    all: &[Change],
    fixed: &[&Change],
) -> Result<Step, Obstacle> {
    let table = &both.declared.table;
    let are_refused = |change: &&Change| {
        change.table == table.name
            && matches!(
                change.difference,
                Difference::Orphans(_) | Difference::RowsRefused { .. }
            )
    };
    if let Some(rows) = all.iter().find(are_refused) {
        return Err(Obstacle::BlockedBy(rows.element()));
    }
    let found = both.found()?;
    let statements = rebuild::statements(current, table, found, fixed).map_err(Obstacle::Manual)?;
    Ok(match rebuild::number(table, found, fixed) {
        Some(_) => Step {
            lock: WHILE_NUMBERED,
            ..rebuilt(statements)
        },
        None => rebuilt(statements),
    })
}

fn rebuilt(statements: Vec<String>) -> Step {
    Step {
        statements,
        lock: WHILE_REBUILT,
        execution: Execution::Compared {
            settings: &REBUILDING,
        },
    }
}

/// Changes the statement that created a table as `ALTER TABLE … ADD COLUMN` does.
pub(crate) fn add_to_statement(table: &mut Table, added: &[String]) {
    let definitions = added.iter();
    let definitions = definitions.filter_map(|one| one.split_once(" ADD COLUMN "));
    for (_, definition) in definitions {
        edit_statement(table, |made_by| rebuild::with_column(made_by, definition));
    }
}

/// Changes the statement that created a table to the one by which it was rebuilt.
pub(crate) fn rebuild_statement(table: &mut Table, rebuilt: &[String]) {
    let name = table.name.clone();
    if let Some(rebuilt) = rebuilt.first() {
        edit_statement(table, |_| rebuild::renamed(rebuilt, &name));
    }
}

/// Changes the statements that created a table to those of one in which this is undone.
pub(crate) fn undo_in_statements(table: &mut Table, undone: &Undone) {
    match undone {
        Undone::ForeignKey { key, .. } => {
            edit_statement(table, |made_by| rebuild::without_key(made_by, key));
        }
        Undone::Column { column, .. } => {
            edit_statement(table, |made_by| rebuild::without_column(made_by, column));
        }
        Undone::Index { name, .. } => {
            let statements = &mut table.extras.statements;
            statements.retain(|one| !rebuild::makes_index(one, name));
        }
        Undone::Storage { .. } | Undone::Table { .. } => {}
    }
}

fn edit_statement(table: &mut Table, edit: impl FnOnce(&str) -> Option<String>) {
    if let Some(made_by) = table.extras.statements.first_mut()
        && let Some(edited) = edit(made_by)
    {
        *made_by = edited;
    }
}

fn step(statements: impl Into<Vec<String>>, lock: Lock) -> Step {
    Step {
        statements: statements.into(),
        lock,
        execution: Execution::Transaction { settings: &[] },
    }
}

fn quoted(name: &str) -> String {
    sql::identifier(Engine::Sqlite, name)
}

/// Quotes names for a list between parentheses.
fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.join(", ")
}
