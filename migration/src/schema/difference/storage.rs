//! PostgreSQL: how long values of `vector_ids` are kept. Its own compression makes writing them slow and
//! saves nothing, for the digits of random ids do not repeat.

use super::Difference;
use crate::schema::live::{Compression, Kind, Live, Placement, Table};

/// The words of ALTER COLUMN … SET.
pub(crate) const LZ4: &str = "COMPRESSION lz4";
pub(crate) const UNCOMPRESSED: &str = "STORAGE EXTERNAL";
pub(crate) const SERVERS_OWN: &str = "COMPRESSION default";
pub(crate) const COMPRESSED: &str = "STORAGE EXTENDED";
const IN_THE_ROW: &str = "STORAGE PLAIN";

/// Citus changes no storage of a table that it knows.
pub(super) fn find(live: &Live, vectors: &Table) -> Option<Difference> {
    let compression = live.compression?;
    let column = vectors.column("vector_ids")?;
    let is_ours = matches!(vectors.kind, Kind::Table | Kind::Unlogged)
        && vectors.placement == Placement::Local
        && *live.documents_placement() == Placement::Local;
    let set = changes(&column.attributes.storage, compression);
    (is_ours && !set.is_empty()).then(|| Difference::Storage {
        found: column.attributes.storage.clone(),
        set,
    })
}

/// What a table that is made now is given afterwards.
pub(crate) fn of_a_new_table(live: &Live) -> Vec<&'static str> {
    match (live.compression, live.documents_placement()) {
        (Some(compression), Placement::Local) => changes(&[], compression),
        _ => Vec::new(),
    }
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

/// What takes the declared storage back. Where lz4 is to be had, whoever has chosen otherwise was not us.
pub(crate) fn undone(live: &Live) -> Vec<&'static str> {
    let undo = |word: &str| match (word, live.compression) {
        (LZ4, _) => Some(SERVERS_OWN),
        (UNCOMPRESSED, Some(Compression::PglzAlone)) => Some(COMPRESSED),
        _ => None,
    };
    let vectors = live.vectors.as_ref();
    let column = vectors.and_then(|vectors| vectors.column("vector_ids"));
    let storage = column.map_or(&[][..], |column| &column.attributes.storage);
    storage.iter().filter_map(|word| undo(word)).collect()
}
