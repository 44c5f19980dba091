//! How PostgreSQL stores long values of a column. The server's default compression makes writing
//! them slow, and saves nothing if values, such as random ids, do not repeat.

use super::Difference;
use crate::{
    declare::Declared,
    inspect::{Compression, Inspection},
    model::{Kind, Placement, Table},
};

/// The clauses of ALTER COLUMN … SET.
pub(crate) const LZ4: &str = "COMPRESSION lz4";
pub(crate) const UNCOMPRESSED: &str = "STORAGE EXTERNAL";
pub(crate) const SERVERS_OWN: &str = "COMPRESSION default";
pub(crate) const COMPRESSED: &str = "STORAGE EXTENDED";
const IN_THE_ROW: &str = "STORAGE PLAIN";

/// Returns the difference in storage. Of a table that Citus manages, Citus changes only the
/// compression.
pub(super) fn find(current: &Inspection, declared: &Declared, table: &Table) -> Vec<Difference> {
    let Some(compression) = current.compression else {
        return Vec::new();
    };
    if !matches!(table.kind, Kind::Table | Kind::Unlogged) {
        return Vec::new();
    }
    let is_local = table.placement == Placement::Local
        && *current.parent_placement(&declared.table) == Placement::Local;
    let changes = match is_local {
        true => changes,
        false => changes_on_citus,
    };
    let columns = declared.fast_storage.iter();
    let columns = columns.filter_map(|name| table.column(name));
    columns
        .filter_map(|column| {
            let set = changes(&column.attributes.storage, compression);
            (!set.is_empty()).then(|| Difference::Storage {
                column: column.name.clone(),
                found: column.attributes.storage.clone(),
                set,
            })
        })
        .collect()
}

fn changes(found: &[String], compression: Compression) -> Vec<&'static str> {
    let has = |word| found.iter().any(|one| one == word);
    match compression {
        _ if has(UNCOMPRESSED) => Vec::new(),
        Compression::Lz4 if has(IN_THE_ROW) => vec![COMPRESSED, LZ4],
        Compression::Lz4 if !has(LZ4) => vec![LZ4],
        Compression::Lz4 => Vec::new(),
        Compression::PglzAlone => vec![UNCOMPRESSED],
    }
}

/// Returns the changes on Citus. Its other nodes may have another storage than this one shows, and
/// new values are compressed with any.
fn changes_on_citus(found: &[String], compression: Compression) -> Vec<&'static str> {
    match compression {
        Compression::Lz4 if found.iter().all(|one| one != LZ4) => vec![LZ4],
        Compression::Lz4 | Compression::PglzAlone => Vec::new(),
    }
}

/// Returns the clauses that restore a column's storage. If lz4 is available, any other setting was
/// not made by these migrations.
pub(crate) fn undone(current: &Inspection, table: &str, column: &str) -> Vec<&'static str> {
    let table = current.table(table);
    let is_local = table.is_none_or(|table| table.placement == Placement::Local);
    let undo = |word: &str| match (word, current.compression) {
        (LZ4, _) => Some(SERVERS_OWN),
        (UNCOMPRESSED, Some(Compression::PglzAlone)) if is_local => Some(COMPRESSED),
        _ => None,
    };
    let column = table.and_then(|table| table.column(column));
    let storage = column.map_or(&[][..], |column| &column.attributes.storage);
    storage.iter().filter_map(|word| undo(word)).collect()
}
