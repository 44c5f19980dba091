//! Compares the current shape with the declared one, without a database. Facts about rows are
//! looked up in [`Facts`], which notes those that it does not have.

use super::{Change, Conversion, Creation, Difference, Numbers, filled, placement, storage};
use crate::{
    declare::{Declared, Role, Shape},
    engine::Engine,
    facts::{Facts, Question},
    inspect::{Inspection, is_made_of},
    model::{
        Column, Filled, ForeignKey, HiddenPart, Index, Kind, Nulls, Owner, Placement, Table, Unused,
    },
    provisional,
    types::Type,
};

/// Returns the changes in the order in which they are made.
pub(crate) fn changes(current: &Inspection, shape: &Shape, facts: &mut Facts) -> Vec<Change> {
    let mut all = Vec::new();
    for declared in shape.parents_first() {
        let found = match declared.role {
            Role::Required { .. } => required(current, shape, declared).into_iter().collect(),
            Role::Own => own(current, shape, declared, facts),
        };
        all.extend(found.into_iter().map(|one| one.of(&declared.table.name)));
    }
    all
}

fn own(
    current: &Inspection,
    shape: &Shape,
    declared: &Declared,
    facts: &mut Facts,
) -> Vec<Difference> {
    let Some(table) = current.table(&declared.table.name) else {
        return vec![Difference::TableAbsent];
    };
    let mut found = Vec::new();
    let not_a_table = |found: &str| Difference::NotATable {
        found: found.to_owned(),
    };
    match &table.kind {
        Kind::Table | Kind::Unlogged => {}
        Kind::TableOfEngine(engine) => found.push(Difference::StorageEngine {
            engine: engine.clone(),
            conversion: conversion(engine, table),
        }),
        Kind::ReferredTo(kind) => return vec![not_a_table(kind)],
        Kind::UnloggedInFamily => return vec![not_a_table("an unlogged table with inheritance")],
        Kind::Partitioned => return vec![not_a_table("a partitioned table")],
        Kind::InheritedFrom => return vec![not_a_table("a table with inheritance")],
        Kind::Other(kind) => return vec![not_a_table(kind)],
    }
    let declared_storage = storage::find(current, declared, table);
    let declared = &declared.table;
    // What a later migration adds is no obstacle if it exists already.
    let newest = shape.newest_form(declared);
    found.extend(types(current, declared, table, facts));
    if current.backend == Engine::Sqlite {
        found.extend(unreadable(declared, table, facts));
    }
    found.extend(keys(current, declared, table, facts));
    found.extend(placement::find(current, declared, table));
    let indexes = indexes(declared, newest, table, facts);
    let references = declared
        .foreign_keys
        .iter()
        .flat_map(|key| references(current, declared, table, key, facts));
    let references: Vec<Difference> = references.collect();
    match current.backend {
        // Adding the key rebuilds the table, with its indexes.
        Engine::Sqlite => found.extend(references.into_iter().chain(indexes)),
        // For a foreign key without an index, MySQL creates one of another name.
        Engine::Postgres | Engine::MySql => found.extend(indexes.into_iter().chain(references)),
    }
    found.extend(nullable(declared, table, facts));
    found.extend(blocked(newest, table));
    let instead = table.extras.instead_rules.iter().cloned();
    found.extend(instead.map(|rule| Difference::InsteadRule { rule }));
    found.extend(declared_storage);
    if current.backend == Engine::Sqlite {
        found.extend(refused_by_sqlite(
            current, shape, declared, table, &found, facts,
        ));
    }
    if current.backend == Engine::MySql {
        // A server may refuse each statement that leaves a table without a primary key.
        let is_without = |one: &Difference| matches!(one, Difference::PrimaryKey { found, .. } if found.is_empty());
        found.sort_by_key(|one| !is_without(one));
    }
    found
}

/// Returns what SQLite reports: of the rows that a rebuild would copy, and if it reports nothing or
/// there is no rebuild, of statements that write rows. Parents that are not as required are reported
/// by themselves.
fn refused_by_sqlite(
    current: &Inspection,
    shape: &Shape,
    declared: &Table,
    table: &Table,
    found: &[Difference],
    facts: &mut Facts,
) -> Option<Difference> {
    let fits = |parent: &Declared| match parent.role {
        Role::Required { .. } => required(current, shape, parent).is_none(),
        Role::Own => current.table(&parent.table.name).is_some(),
    };
    let mut keys = declared.foreign_keys.iter();
    if !keys.all(|key| shape.declared(&key.table).is_some_and(fits)) {
        return None;
    }
    if found.iter().any(Difference::rebuilds_on_sqlite) {
        let reported = facts.refused(&declared.name);
        if !reported.is_empty() {
            return Some(Difference::RowsRefused { reported });
        }
    }
    let is_reported = |one: &Difference| {
        matches!(
            one,
            Difference::ColumnAbsent { .. }
                | Difference::Generated { .. }
                | Difference::ForeignKeyElsewhere { .. }
        )
    };
    let may_prevent_writes =
        !table.extras.kept.is_empty() || table.foreign_keys.len() > declared.foreign_keys.len();
    // A trigger may write to a table that a migration creates.
    let is_absent = |one: &Table| current.table(&one.name).is_none();
    if !may_prevent_writes || found.iter().any(is_reported) || shape.inspected().any(is_absent) {
        return None;
    }
    let written = declared.columns.iter().map(|column| column.name.clone());
    let reported = facts.unwritable(&declared.name, written.collect());
    (!reported.is_empty()).then_some(Difference::Unwritable { reported })
}

fn required(current: &Inspection, shape: &Shape, declared: &Declared) -> Option<Difference> {
    let name = &declared.table.name;
    let Some(table) = current.table(name) else {
        let mut referrers = shape.referrers_of(name);
        // A table without the key's column has never referred to it.
        let left = referrers.find(|(table, key)| {
            let found = current.table(&table.name);
            found.is_some_and(|found| found.column(&key.columns.concat()).is_some())
        });
        return Some(Difference::RequiredAbsent {
            found: current.tables.clone(),
            creation: match (current.may_create_required, left) {
                (_, Some((left, _))) => Creation::TooLate(left.name.clone()),
                (false, None) => Creation::NotOurs(current.creation_hint),
                (true, None) => Creation::Wanted,
            },
        });
    };
    let unfit = |found: String, next_step: &str| {
        Some(Difference::RequiredUnfit {
            found,
            next_step: next_step.to_owned(),
        })
    };
    match &table.kind {
        Kind::Table | Kind::ReferredTo(_) => {}
        // The existing key shows that no other rows are meant.
        Kind::InheritedFrom if is_referred_to(current, shape, name) => {}
        Kind::InheritedFrom => {
            let children = shape.referrers_of(name);
            let children: Vec<&str> = children.map(|(table, _)| table.name.as_str()).collect();
            let is_there = children.iter().all(|child| current.table(child).is_some());
            let children = children.join(" and ");
            let by_hand = match is_there {
                true => "add its foreign key by hand".to_owned(),
                false => format!("make {children} with its foreign key by hand, then apply again"),
            };
            return unfit(
                format!(
                    "other tables inherit from {name}, and no foreign key can refer to their rows"
                ),
                &format!("if {children} is to refer to no such row, {by_hand}"),
            );
        }
        // An unlogged table may refer to it.
        Kind::Unlogged if are_unlogged(current, shape, name) => {}
        Kind::Unlogged | Kind::UnloggedInFamily => {
            return unfit(
                format!("{name} is an unlogged table, which only unlogged tables may refer to"),
                &format!(
                    "change it in the application's own migrations: ALTER TABLE {name} SET LOGGED"
                ),
            );
        }
        Kind::TableOfEngine(engine) => {
            return unfit(
                format!("{name} is stored by {engine}, which keeps no foreign keys"),
                &match keeps_rows(engine) {
                    true => format!("convert it: ALTER TABLE {name} ENGINE = InnoDB"),
                    false => elsewhere(name),
                },
            );
        }
        Kind::Partitioned => {
            return unfit(
                format!("{name} is a partitioned table, to which no foreign key can refer"),
                &format!(
                    "change it in the application's own migrations: ALTER TABLE {name} REMOVE PARTITIONING"
                ),
            );
        }
        Kind::Other(kind) => {
            return unfit(
                format!("{name} is {kind}"),
                &format!("name {} the table itself", current.backend.location()),
            );
        }
    }
    match &table.placement {
        Placement::Ranges { .. } => {
            return unfit(
                format!(
                    "{name} is {}, where Citus puts no other table",
                    table.placement
                ),
                "bring its rows back with undistribute_table and distribute it by hash with create_distributed_table",
            );
        }
        Placement::Copies { .. } => {
            return unfit(
                format!(
                    "{name} is {}, to which Citus takes no foreign key",
                    table.placement
                ),
                "bring its rows back with undistribute_table and distribute it with citus.shard_replication_factor at 1",
            );
        }
        Placement::OtherNodes => {
            return unfit(
                format!("{name} is {}", table.placement),
                "no foreign key can refer to it: run SELECT citus_set_coordinator_host(ADDRESS) where the other nodes do not know the coordinator, then SELECT replicate_reference_tables()",
            );
        }
        Placement::Local
        | Placement::Managed
        | Placement::Reference
        | Placement::Distributed { .. }
        | Placement::SingleShard { .. } => {}
    }
    for wanted in &declared.table.columns {
        let column = &wanted.name;
        let Some(found) = table.column(column) else {
            return unfit(
                format!("{name} has no column {column}"),
                "add it in the application's own migrations",
            );
        };
        if found.kind == Type::Serial || !is_of_type(current, wanted, found) {
            let wanted = match wanted.kind {
                Type::Integer { bits, .. } => format!("{bits}-bit signed integer"),
                other => other.to_string(),
            };
            return unfit(
                format!(
                    "{name}.{column} is {}, not a {wanted}",
                    found.printed_type()
                ),
                "change it in the application's own migrations: the tables that refer to it would refuse its values or misread them",
            );
        }
    }
    if let [key] = declared.table.primary_key.as_slice()
        && !table.is_key(key)
    {
        return unfit(
            format!("{name} has no primary key and no unique constraint on {key} alone"),
            "add one in the application's own migrations",
        );
    }
    None
}

fn is_referred_to(current: &Inspection, shape: &Shape, parent: &str) -> bool {
    let mut referrers = shape.referrers_of(parent);
    referrers.any(|(table, declared)| {
        let found = current.table(&table.name);
        let mut keys = found.iter().flat_map(|table| &table.foreign_keys);
        keys.any(|key| key.columns == declared.columns && is_named(&key.table, parent))
    })
}

/// Returns whether each table that refers to this one is unlogged too.
fn are_unlogged(current: &Inspection, shape: &Shape, parent: &str) -> bool {
    let mut referrers = shape.referrers_of(parent);
    referrers.all(|(table, _)| {
        let found = current.table(&table.name);
        found.is_some_and(|found| found.kind == Kind::Unlogged)
    })
}

fn is_of_type(current: &Inspection, declared: &Column, found: &Column) -> bool {
    let is_numbered = matches!(declared.filled, Filled::AutoIncrement { .. });
    match (current.backend, found.kind) {
        // The numbering gives the column its type.
        (Engine::Sqlite, Type::Serial) => is_numbered,
        // Only INTEGER is numbered, and holds 64 bits.
        (Engine::Sqlite, Type::INTEGER) if is_numbered => true,
        (backend, kind) => declared.kind.is_found_as(kind, backend),
    }
}

fn types(
    current: &Inspection,
    declared: &Table,
    table: &Table,
    facts: &mut Facts,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for column in &declared.columns {
        let Some(there) = table.column(&column.name) else {
            found.push(Difference::ColumnAbsent {
                declared: column.clone(),
                empty: facts.is_empty(&declared.name),
            });
            continue;
        };
        if there.filled == Filled::Generated {
            found.push(Difference::Generated {
                column: column.name.clone(),
            });
        } else if !is_of_type(current, column, there) {
            found.push(unlike(current.backend, declared, table, column, there));
        }
    }
    found
}

fn unreadable(declared: &Table, table: &Table, facts: &mut Facts) -> Vec<Difference> {
    let mut found = Vec::new();
    for column in &declared.columns {
        if table.column(&column.name).is_none() {
            continue;
        }
        let quoted = crate::sql::identifier(Engine::Sqlite, &column.name);
        let Some(condition) = column.kind.unreadable(&quoted) else {
            continue;
        };
        let rows = facts.count(Question::Unreadable {
            table: declared.name.clone(),
            column: column.name.clone(),
            condition,
        });
        if rows > 0 {
            found.push(Difference::Unreadable {
                column: column.name.clone(),
                rows,
            });
        }
    }
    found
}

/// The storage engines of MySQL and MariaDB that keep the rows in the table itself, and nowhere
/// else.
const KEEP_ROWS: [&str; 7] = [
    "MyISAM", "Aria", "MEMORY", "CSV", "ARCHIVE", "RocksDB", "TokuDB",
];

pub(crate) fn keeps_rows(engine: &str) -> bool {
    KEEP_ROWS.iter().any(|one| one.eq_ignore_ascii_case(engine))
}

/// Returns the next step for a table whose storage engine keeps its rows elsewhere.
pub(crate) fn elsewhere(table: &str) -> String {
    format!(
        "its rows may be kept elsewhere, and a conversion would cut them off: create a table of InnoDB by hand, copy the rows into it, and give it the name {table}"
    )
}

fn conversion(engine: &str, table: &Table) -> Conversion {
    if !keeps_rows(engine) {
        return Conversion::RowsElsewhere;
    }
    match table.extras.too_wide {
        _ if numbers_within_a_group(table) => Conversion::NumbersWithinAGroup,
        Some(width) => Conversion::TooWide(width),
        None => Conversion::Lossless,
    }
}

/// Returns whether numbers repeat from group to group: MyISAM and Aria number a column that only
/// follows another in an index, starting again for each value of that.
fn numbers_within_a_group(table: &Table) -> bool {
    table.auto_increment().is_some_and(|column| {
        let leads = |index: &Index| index.columns.first() == Some(&column.name);
        !table.indexes.iter().any(leads)
    })
}

/// Returns the difference of a type. A narrower type than declared can be widened, unless rows are
/// identified by it; any other type was chosen by its author.
fn unlike(
    backend: Engine,
    declared: &Table,
    table: &Table,
    column: &Column,
    found: &Column,
) -> Difference {
    let identifies = declared.primary_key.contains(&column.name)
        || declared
            .foreign_keys
            .iter()
            .any(|key| key.columns.contains(&column.name));
    let is_of_it = |(_, read): &&(String, String)| *read == column.name;
    let extras = &table.extras;
    let cut: &[(String, String)] = match column.kind {
        Type::TEXT => &extras.cut,
        _ => &[],
    };
    let readers = extras.readers.iter().chain(cut).filter(is_of_it);
    // MySQL changes neither side of a foreign key alone; the other engines check the rows again.
    let own = table
        .foreign_keys
        .iter()
        .filter(|key| backend == Engine::MySql && key.columns.contains(&column.name));
    let own = own.map(|key| format!("foreign key {}", key.name.as_deref().unwrap_or_default()));
    match !identifies && found.kind.widens_to(column.kind) {
        true => Difference::Narrow {
            declared: column.clone(),
            found: found.clone(),
            readers: readers
                .map(|(reader, _)| reader.clone())
                .chain(own)
                .collect(),
        },
        false => Difference::WrongType {
            declared: column.clone(),
            found: found.clone(),
        },
    }
}

fn keys(
    current: &Inspection,
    declared: &Table,
    table: &Table,
    facts: &mut Facts,
) -> Vec<Difference> {
    let columns = placement::primary_key(current, declared);
    if columns.iter().any(|column| table.column(column).is_none()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let numbered = declared.auto_increment();
    let id = numbered.and_then(|numbered| table.column(&numbered.name));
    let is_primary = table.primary_key == columns;
    let is_filled = id.is_none_or(|id| matches!(id.filled, Filled::AutoIncrement { .. }));
    if !is_primary || !is_filled {
        let mut keys = facts.keys(&declared.name, &declared.primary_key);
        // A rowid key numbers the rows; the other key has never identified one.
        if current.backend == Engine::Sqlite && numbered.is_some() {
            keys.unnumbered = std::mem::take(&mut keys.null);
        }
        let numbers = match (is_filled, numbered) {
            (false, Some(numbered)) => Some(numbers(current.backend, table, numbered, facts)),
            (true, _) | (false, None) => None,
        };
        if !is_primary {
            // The key does not wait for numbers that cannot be given.
            let is_used_up = matches!(numbers, Some(Numbers::UsedUp { .. }));
            found.push(Difference::PrimaryKey {
                columns,
                numbered: id.filter(|_| !is_used_up).cloned(),
                found: table.primary_key.clone(),
                keys: keys.clone(),
            });
        }
        if let (Some(id), Some(numbers)) = (id, numbers) {
            found.push(Difference::AutoIncrement {
                found: id.clone(),
                keys,
                numbers,
            });
        }
    }
    if let (Some(numbered), Some(id)) = (numbered, id)
        && let Filled::AutoIncrement { sequence } = &id.filled
        // Other storage engines may number each group of rows by itself.
        && matches!(table.kind, Kind::Table | Kind::Unlogged)
        && let Some(gives) = facts.numbers(&declared.name, numbered, sequence.as_ref())
    {
        if !gives.is_usable() {
            found.push(Difference::NumbersBehind {
                column: numbered.clone(),
                sequence: sequence.clone(),
                next: gives.next,
                largest: gives.largest,
                limits: gives.limits.clone(),
            });
        }
        if let Some(sequence) = sequence
            && !gives.limits.is_empty()
            && table.placement == Placement::Local
        {
            found.push(Difference::SequenceLimited {
                column: numbered.clone(),
                sequence: sequence.clone(),
                limits: gives.limits,
            });
        }
    }
    found
}

/// Returns the numbers that a column will get: they go on after the largest one. SQLite's next
/// number is compared when there is a counter. A sequence that no column owns may be one that an
/// application uses itself.
fn numbers(backend: Engine, table: &Table, numbered: &Column, facts: &mut Facts) -> Numbers {
    let found = table.column(&numbered.name).map(|found| found.kind);
    let goes_on = backend != Engine::Sqlite && matches!(found, Some(Type::Integer { .. }));
    if goes_on
        && let Some(gives) = facts.numbers(&table.name, numbered, None)
        && !gives.is_usable()
    {
        return Numbers::UsedUp {
            largest: gives.largest,
        };
    }
    let Some(spare) = &table.extras.spare_sequence else {
        return Numbers::New;
    };
    if spare.owner == Owner::TheColumn {
        return Numbers::Own(spare.name.clone());
    }
    let gives = facts.numbers(&table.name, numbered, Some(spare));
    match gives.is_some_and(|gives| gives.is_usable() && gives.limits.is_empty()) {
        true => Numbers::AsItIs(spare.name.clone()),
        false => Numbers::New,
    }
}

fn references(
    current: &Inspection,
    declared: &Table,
    table: &Table,
    key: &ForeignKey,
    facts: &mut Facts,
) -> Vec<Difference> {
    let column = key.columns.concat();
    let Some(found_column) = table.column(&column) else {
        return Vec::new();
    };
    let on_it = |one: &&ForeignKey| one.columns.contains(&column);
    let there: Vec<&ForeignKey> = table.foreign_keys.iter().filter(on_it).collect();
    let keys: Vec<Difference> = there
        .iter()
        .filter_map(|found| foreign_key(current.backend, key, found))
        .collect();
    let misplaced = placement::find(current, declared, table).is_some();
    // Rows that an engine guarantees need not be checked again. Citus guarantees shards that it has
    // not checked, if the key was added without a name.
    let guaranteed = keys.is_empty()
        && table.placement == Placement::Local
        && !misplaced
        && there.iter().any(|one| one.validated == Some(true));
    let parent = current.table(&key.table);
    let referenced = parent.and_then(|parent| parent.column(&key.references.concat()));
    let comparable = referenced.is_some_and(|one| are_comparable(one.kind, found_column.kind));
    // A key to another table leaves open which rows are meant.
    let elsewhere = keys
        .iter()
        .any(|one| matches!(one, Difference::ForeignKeyElsewhere { .. }));
    // Tables that Citus distributes differently cannot be joined.
    let joinable = table.placement == Placement::Local || !misplaced;
    let id = declared.primary_key.first();
    let id = id.filter(|id| table.column(id).is_some());
    let mut found = Vec::new();
    if comparable && joinable && !guaranteed && !elsewhere {
        found.extend(facts.orphans(table, key, id).map(Difference::Orphans));
    }
    found.extend(keys);
    if there.is_empty() && table.hides(HiddenPart::ForeignKeys).is_none() {
        found.push(Difference::ForeignKeyAbsent {
            declared: key.clone(),
        });
    }
    found
}

fn are_comparable(one: Type, other: Type) -> bool {
    match (one, other) {
        (Type::Integer { .. }, Type::Integer { .. }) | (Type::Text { .. }, Type::Text { .. }) => {
            true
        }
        (one, other) => one == other && one != Type::Other,
    }
}

fn foreign_key(backend: Engine, declared: &ForeignKey, found: &ForeignKey) -> Option<Difference> {
    let (declared, found) = (declared.clone(), found.clone());
    let is_to_it =
        is_named(&found.table, &declared.table) && found.references == declared.references;
    if !is_to_it || found.columns != declared.columns {
        return Some(Difference::ForeignKeyElsewhere { declared, found });
    }
    let name = found.name.as_deref();
    let is_provisional = name.and_then(provisional::replaced).is_some();
    let is_other_action = effect(backend, &found.on_delete) != effect(backend, &declared.on_delete);
    if is_other_action || !found.enforced || is_provisional {
        return Some(Difference::ForeignKeyUnlike { declared, found });
    }
    if found.validated == Some(false) {
        return Some(Difference::ForeignKeyUnvalidated { declared, found });
    }
    None
}

/// Returns the effect of an action. InnoDB has one action under two names; MariaDB prints the one,
/// MySQL the other.
fn effect(backend: Engine, action: &str) -> &str {
    match (backend, action) {
        (Engine::MySql, "RESTRICT") => "NO ACTION",
        (_, action) => action,
    }
}

/// Returns whether a table has this name. SQLite compares without case; PostgreSQL prints no schema
/// that the search path finds.
fn is_named(table: &str, name: &str) -> bool {
    table.eq_ignore_ascii_case(name)
}

fn indexes(declared: &Table, newest: &Table, table: &Table, facts: &mut Facts) -> Vec<Difference> {
    let unique = newest.indexes.iter().filter(|one| one.is_unique);
    let unique = unique.map(|one| one.columns.clone());
    let primary_keys = [declared.primary_key.clone(), table.primary_key.clone()];
    let keys: Vec<Vec<String>> = primary_keys.into_iter().chain(unique).collect();
    // What is unique already stays unique with a further column.
    let is_implied = |index: &Index| {
        let mut keys = keys.iter().filter(|key| !key.is_empty());
        keys.any(|key| key.iter().all(|column| index.columns.contains(column)))
    };
    let limits_rows = |index: &&Index| {
        index.is_unique && !is_implied(index) && !tells_rows_apart(declared, table, index)
    };
    let mut found = Vec::new();
    let first = declared.indexes.first().map(|index| index.name.clone());
    let unique = table.indexes.iter().find(limits_rows);
    found.extend(unique.map(|index| Difference::IndexUnique {
        declared: first,
        found: index.clone(),
    }));
    for wanted in &declared.indexes {
        let is_there = |column: &String| table.column(column).is_some();
        if wanted.columns.iter().all(is_there) {
            found.extend(index(declared, table, wanted, facts));
        }
    }
    found
}

/// Returns whether a column that is not declared makes the rows of our INSERTs distinct in a unique
/// index: it is NULL, or has another value in each row.
fn tells_rows_apart(declared: &Table, table: &Table, index: &Index) -> bool {
    let is_null = |column: &&Column| {
        column.nullable && column.default.is_none() && column.filled == Filled::ByDefault
    };
    let differs = |column: &Column| match &column.filled {
        Filled::AutoIncrement { .. } => true,
        Filled::Generated => false,
        Filled::ByDefault => match &column.default {
            Some(default) => !is_same_for_each_row(default),
            None => !column.nullable || index.nulls == Nulls::Distinct,
        },
    };
    let others = table.columns.iter();
    let others = others.filter(|column| declared.column(&column.name).is_none());
    let mut others = others.filter(|column| {
        let reads = |text: &String| {
            let text = text.to_lowercase();
            let mut words = text.split(|one: char| !one.is_alphanumeric() && one != '_');
            !text.contains("coalesce") && words.any(|word| word == column.name.to_lowercase())
        };
        let is_in = index.columns.contains(&column.name) && differs(column);
        // An expression of NULL is NULL.
        is_in
            || is_null(column)
                && index.nulls == Nulls::Distinct
                && index.expressions.iter().any(reads)
    });
    others.next().is_some()
}

/// Returns whether a default has the same value in each row: a literal, or the time at which a
/// transaction began.
fn is_same_for_each_row(default: &str) -> bool {
    let default = default.trim_start_matches('(').to_lowercase();
    let is_literal =
        default.starts_with(|first: char| first.is_ascii_digit() || "'\"-+.".contains(first));
    let words = [
        "true",
        "false",
        "now()",
        "current_",
        "b'",
        "x'",
        "transaction_timestamp",
    ];
    is_literal || words.iter().any(|word| default.starts_with(word))
}

fn index(declared: &Table, table: &Table, wanted: &Index, facts: &mut Facts) -> Option<Difference> {
    let is_served = table.indexes.iter().any(|index| index.serves(wanted));
    // An index of such another name is what an earlier attempt has left half-built. Any other index
    // with such a name is kept.
    let is_ours = |index: &&Index| is_made_of(&index.name, &wanted.name) && index.is_unused(wanted);
    let is_in_the_way = |index: &&Index| match index.unused {
        Some(Unused::Invalid | Unused::InvalidFurnished) => true,
        Some(Unused::Hidden(_)) => !is_served,
        None => false,
    };
    let unfit = table.indexes.iter().filter(is_ours).find(is_in_the_way);
    match unfit {
        Some(found) => Some(Difference::IndexUnfit {
            declared: wanted.clone(),
            found: found.clone(),
        }),
        None if is_served => None,
        None => Some(Difference::IndexAbsent {
            duplicates: match wanted.is_unique {
                true => facts.count(Question::Duplicates {
                    table: declared.name.clone(),
                    columns: wanted.columns.clone(),
                }),
                false => 0,
            },
            declared: wanted.clone(),
        }),
    }
}

fn nullable(declared: &Table, table: &Table, facts: &mut Facts) -> Vec<Difference> {
    let mut found = Vec::new();
    let numbered = declared.auto_increment();
    let is_numbered = |column: &Column| numbered.is_some_and(|one| one.name == column.name);
    for column in declared.columns.iter().filter(|one| !is_numbered(one)) {
        let Some(current) = table.column(&column.name) else {
            continue;
        };
        match (column.nullable, current.nullable) {
            (false, true) => found.push(Difference::Nullable {
                declared: column.clone(),
                found: current.clone(),
                nulls: facts.count(Question::Nulls {
                    table: declared.name.clone(),
                    column: column.name.clone(),
                }),
            }),
            (true, false) => found.push(Difference::NotNullable {
                found: current.clone(),
            }),
            (true, true) | (false, false) => {}
        }
    }
    found
}

fn blocked(newest: &Table, table: &Table) -> Vec<Difference> {
    match table.hides(HiddenPart::Triggers) {
        Some(_) => Vec::new(),
        None => unfilled(newest, table)
            .map(|column| Difference::InsertBlocked {
                column: column.name.clone(),
            })
            .collect(),
    }
}

/// Returns the columns that are not declared, and that an INSERT of the entities leaves without a
/// value, as far as the sources of the triggers are shown.
pub(super) fn unfilled<'t>(
    newest: &'t Table,
    table: &'t Table,
) -> impl Iterator<Item = &'t Column> {
    let is_assigned = move |column: &Column| {
        let mut sources = table.extras.before_insert.iter();
        sources.any(|source| filled::assigns(source, &column.name))
    };
    let is_checked = move |column: &Column| {
        let checks = table.extras.checks.iter().map(|check| &check.expression);
        let mut checks = checks.chain(&column.attributes.check);
        let wanted = format!("{} is not null", column.name).to_lowercase();
        checks.any(|check| check.replace(['(', ')', '"', '`'], "").to_lowercase() == wanted)
    };
    let blocks = move |column: &&Column| {
        newest.column(&column.name).is_none()
            && (!column.nullable || is_checked(column))
            && column.default.is_none()
            && column.filled == Filled::ByDefault
            && !is_assigned(column)
    };
    table.columns.iter().filter(blocks)
}
