//! What an inspection would find where exactly the declared tables are.

use sea_orm::DbBackend;

use super::Version;
use crate::{
    declare::{Declared, Role, Shape},
    diff::storage,
    inspect::{Compression, Inspection},
    model::{ForeignKey, Index, Place, Reach, Table},
};

/// Before a version.
pub(super) fn before(backend: DbBackend, version: &Version) -> Inspection {
    inspection(backend, &tables_before(version), None)
}

/// Once a version has added columns to the tables before it.
pub(super) fn widened(backend: DbBackend, version: &Version) -> Inspection {
    let mut tables = tables_before(version);
    for one in &mut tables {
        if let Some(newer) = version.newer.table_named(&one.table.name) {
            one.table.columns.clone_from(&newer.columns);
        }
    }
    inspection(backend, &tables, None)
}

/// What the version requires is there: a guard stops where it is not, unless it is made first.
fn tables_before(version: &Version) -> Vec<Declared> {
    let there = |declared: &Declared| match declared.role {
        Role::Required { .. } => Some(declared.clone()),
        Role::Own => version.older.declared(&declared.table.name).cloned(),
    };
    version.newer.tables.iter().filter_map(there).collect()
}

/// PostgreSQL: with a version, but for the storage that it changes.
pub(super) fn unstored(version: &Version, compression: Compression) -> Inspection {
    let stored_before = |declared: &Declared| {
        let older = version.older.declared(&declared.table.name);
        Declared {
            fast_storage: older.map_or(Vec::new(), |older| older.fast_storage.clone()),
            ..declared.clone()
        }
    };
    let tables: Vec<Declared> = version.newer.tables.iter().map(stored_before).collect();
    inspection(DbBackend::Postgres, &tables, Some(compression))
}

/// With a shape.
pub(crate) fn after(
    backend: DbBackend,
    shape: &Shape,
    compression: Option<Compression>,
) -> Inspection {
    inspection(backend, &shape.tables, compression)
}

fn inspection(
    backend: DbBackend,
    tables: &[Declared],
    compression: Option<Compression>,
) -> Inspection {
    let found: Vec<Table> = tables
        .iter()
        .map(|declared| found(backend, declared, compression))
        .collect();
    Inspection {
        backend,
        place: Place {
            database: String::new(),
            schema: None,
        },
        tables: found.iter().map(|table| table.name.clone()).collect(),
        names: found.iter().flat_map(names).collect(),
        found,
        may_create_required: false,
        creation_hint: "",
        compression,
        reach: Reach::Server,
    }
}

fn names(table: &Table) -> Vec<String> {
    let indexes = table.indexes.iter().map(|index| &index.name);
    let keys = table
        .foreign_keys
        .iter()
        .filter_map(|key| key.name.as_ref());
    std::iter::once(&table.name)
        .chain(indexes)
        .chain(keys)
        .cloned()
        .collect()
}

fn found(backend: DbBackend, declared: &Declared, compression: Option<Compression>) -> Table {
    let mut table = declared.table.clone();
    let stored = match compression {
        Some(Compression::Lz4) => vec![storage::LZ4.to_owned()],
        Some(Compression::PglzAlone) => vec![storage::UNCOMPRESSED.to_owned()],
        None => Vec::new(),
    };
    for column in &mut table.columns {
        if declared.fast_storage.contains(&column.name) {
            column.attributes.storage.clone_from(&stored);
        }
    }
    let name = format!("{}_pkey", table.name);
    table.indexes.push(Index {
        has_constraint: true,
        ..Index::declared(name, table.primary_key.clone(), true)
    });
    if backend == DbBackend::MySql {
        let indexes = table
            .foreign_keys
            .iter()
            .filter_map(|key| own_index(&table, key));
        let indexes: Vec<Index> = indexes.collect();
        table.indexes.extend(indexes);
    }
    table
}

/// MySQL: the index that a foreign key makes where it finds none.
fn own_index(table: &Table, key: &ForeignKey) -> Option<Index> {
    let own = Index::declared(key.name.clone()?, key.columns.clone(), false);
    let is_served = table.indexes.iter().any(|index| index.serves(&own));
    (!is_served).then_some(own)
}
