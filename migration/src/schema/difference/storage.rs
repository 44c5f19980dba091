//! PostgreSQL: how long values of `vector_ids` are kept. Its own compression makes writing them slow and
//! saves nothing, for the digits of random ids do not repeat.

use super::Difference;
use crate::schema::live::{Column, Compression, Kind, Live, Placement, Table};

/// The words of ALTER COLUMN … SET.
const LZ4: &str = "COMPRESSION lz4";
const UNCOMPRESSED: &str = "STORAGE EXTERNAL";
const IN_THE_ROW: &str = "STORAGE PLAIN";

/// Citus changes no storage of a table that it knows.
pub(super) fn find(live: &Live, vectors: &Table) -> Option<Difference> {
    let compression = live.compression?;
    let column = vectors.column("vector_ids")?;
    let is_ours = matches!(vectors.kind, Kind::Table | Kind::Unlogged)
        && vectors.placement == Placement::Local
        && *live.documents_placement() == Placement::Local;
    let set = changes(column, compression);
    (is_ours && !set.is_empty()).then(|| Difference::Storage {
        found: column.attributes.storage.clone(),
        set,
    })
}

fn changes(column: &Column, compression: Compression) -> Vec<&'static str> {
    let has = |word| column.attributes.storage.iter().any(|one| one == word);
    match compression {
        _ if has(UNCOMPRESSED) => Vec::new(),
        Compression::Lz4 if has(IN_THE_ROW) => vec!["STORAGE EXTENDED", LZ4],
        Compression::Lz4 if !has(LZ4) => vec![LZ4],
        Compression::Lz4 => Vec::new(),
        Compression::PglzAlone => vec![UNCOMPRESSED],
    }
}

/// What takes the declared storage back. Where lz4 is to be had, whoever has chosen otherwise was not us.
pub(crate) fn undone(live: &Live) -> Vec<&'static str> {
    let undo = |word: &str| match (word, live.compression) {
        (LZ4, _) => Some("COMPRESSION default"),
        (UNCOMPRESSED, Some(Compression::PglzAlone)) => Some("STORAGE EXTENDED"),
        _ => None,
    };
    let vectors = live.vectors.as_ref();
    let column = vectors.and_then(|vectors| vectors.column("vector_ids"));
    let storage = column.map_or(&[][..], |column| &column.attributes.storage);
    storage.iter().filter_map(|word| undo(word)).collect()
}
