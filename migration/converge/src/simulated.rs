//! Simulated inspections of a database that has exactly the declared tables.

use crate::{
    declare::{Declared, Shape},
    diff::storage,
    engine::Engine,
    inspect::{Compression, Inspection},
    model::{ForeignKey, Index, Location, Reach, Table},
};

/// Returns the inspection of a database with a shape.
pub(crate) fn after(
    backend: Engine,
    shape: &Shape,
    compression: Option<Compression>,
) -> Inspection {
    inspection(backend, &shape.tables, compression)
}

/// Returns the inspection of a database with these tables.
pub(crate) fn inspection(
    backend: Engine,
    tables: &[Declared],
    compression: Option<Compression>,
) -> Inspection {
    let found: Vec<Table> = tables
        .iter()
        .map(|declared| table(backend, declared, compression))
        .collect();
    Inspection {
        backend,
        location: Location {
            database: String::new(),
            schema: None,
        },
        tables: found.iter().map(|table| table.name.clone()).collect(),
        names: found.iter().flat_map(names).collect(),
        found,
        may_create_required: false,
        creation_hint: "",
        grants: None,
        compression,
        reach: Reach::Server,
    }
}

/// Returns the names that a table and its parts have taken.
pub(crate) fn names(table: &Table) -> Vec<String> {
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

/// Returns a table as it is found if it is as declared.
pub(crate) fn table(
    backend: Engine,
    declared: &Declared,
    compression: Option<Compression>,
) -> Table {
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
    if backend == Engine::MySql {
        let indexes = table
            .foreign_keys
            .iter()
            .filter_map(|key| own_index(&table, key));
        let indexes: Vec<Index> = indexes.collect();
        table.indexes.extend(indexes);
    }
    table
}

/// Returns the index that MySQL creates for a foreign key without one.
fn own_index(table: &Table, key: &ForeignKey) -> Option<Index> {
    let own = Index::declared(key.name.clone()?, key.columns.clone(), false);
    let is_served = table.indexes.iter().any(|index| index.serves(&own));
    (!is_served).then_some(own)
}
