//! What an audit is going to read and to keep, before it begins.

use std::{env, fs, path::Path};

use converge::{Engine, list};
use sea_orm::{ConnectionTrait, DbErr};

/// Of an id in `vector_ids`, with its quotes and the comma, and of what is kept of it.
const TEXT_OF_ID: u64 = 36;
const KEPT_OF_ID: u64 = 24;

/// Of a UUID without hyphens on a line of its own, and of what is kept of it.
const LINE_OF_POINT: u64 = 33;
const KEPT_OF_POINT: u64 = 17;

/// Returns about how many bytes of text the table has, where that can be known without reading it.
pub(super) async fn bytes_of_table(db: &impl ConnectionTrait) -> Result<Option<u64>, DbErr> {
    let sql = match Engine::of(db) {
        Engine::Postgres => "SELECT pg_catalog.pg_table_size('vectors'::regclass)",
        Engine::MySql => {
            "SELECT CAST(data_length AS SIGNED) FROM information_schema.tables \
             WHERE table_schema = database() AND table_name = 'vectors'"
        }
        // The lengths stand before the values.
        Engine::Sqlite => "SELECT coalesce(sum(octet_length(vector_ids)), 0) FROM vectors",
    };
    let sizes: Vec<Option<i64>> = list(db, sql, []).await?;
    let size = sizes.into_iter().flatten().next();
    Ok(size.and_then(|bytes| u64::try_from(bytes).ok()))
}

/// Says how many bytes of temporary files are going to be written, and whether there is room for them.
pub(super) fn announce(table: Option<u64>, points: &[&Path], memory: u64) {
    let of_points: u64 = points
        .iter()
        .filter_map(|file| fs::metadata(file).ok())
        .map(|file| file.len() / LINE_OF_POINT * KEPT_OF_POINT)
        .sum();
    let of_table = table.unwrap_or_default() / TEXT_OF_ID * KEPT_OF_ID;
    let in_memory = memory / 2;
    let bytes = (of_table + of_points).saturating_sub(in_memory);
    if bytes == 0 {
        return;
    }
    let folder = env::temp_dir();
    let shown = folder.display();
    let size = shown_bytes(bytes);
    match free(&folder) {
        Some(free) if free < bytes => tracing::warn!(
            "warning: about {size} of temporary files are needed, and {shown} has room for {}: TMPDIR names another folder",
            shown_bytes(free)
        ),
        Some(free) => tracing::info!(
            "keeps about {size} in temporary files in {shown}, which has room for {}",
            shown_bytes(free)
        ),
        None => tracing::info!("keeps about {size} in temporary files in {shown}"),
    }
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(folder).ok()?;
    about.f_bavail.checked_mul(about.f_frsize)
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}

/// To three digits.
pub(in crate::cli) fn shown_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} bytes");
    }
    let mut size = bytes as f64 / 1_000.0;
    let mut transaction = 0;
    while size >= 999.5 && transaction + 1 < UNITS.len() {
        size /= 1_000.0;
        transaction += 1;
    }
    let digits = match size {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    let transaction = UNITS.get(transaction).copied().unwrap_or_default();
    format!("{size:.digits$} {transaction}")
}

#[cfg(test)]
mod tests {
    use super::shown_bytes;

    #[test]
    fn a_size_is_shown_to_three_digits() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1.00 KB"),
            (37_080, "37.1 KB"),
            (999_499, "999 KB"),
            (999_500, "1.00 MB"),
            (2_400_000_000, "2.40 GB"),
        ] {
            assert_eq!(shown_bytes(bytes), shown);
        }
    }
}
