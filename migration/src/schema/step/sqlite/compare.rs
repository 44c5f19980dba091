//! Whether a rebuilt table holds what the old one holds: every row, and of each every value with its type.

use sea_orm::DbBackend;

use super::definition::Definition;
use crate::{
    schema::live::{Filled, Table},
    sql,
};

/// Which row of the new table is which of the old one.
pub(super) enum Pairs {
    /// Both have the same number under this name.
    Rowid(&'static str),
    /// `id` becomes that number. Rows without an id come last, so that they get numbers that no row has, in
    /// the order in which they were inserted, by this name of the old number.
    Numbered(&'static str),
    /// A table WITHOUT ROWID has its primary key alone.
    PrimaryKey,
    /// Of a table WITHOUT ROWID `id` is the key, and becomes the number.
    Id,
}

impl Pairs {
    pub(super) fn of(
        vectors: &Table,
        definition: &Definition,
        numbers_rows: bool,
    ) -> Result<Self, String> {
        let has_rowid = definition.without_rowid.is_none();
        let rowid = ["rowid", "_rowid_", "oid"];
        let rowid = rowid
            .into_iter()
            .find(|name| vectors.column(name).is_none());
        let rowid =
            rowid.ok_or("its columns hide what SQLite numbers rows by: rebuild the table by hand");
        Ok(match (has_rowid, numbers_rows) {
            (true, true) => Self::Numbered(rowid?),
            (true, false) => Self::Rowid(rowid?),
            (false, true) => Self::Id,
            (false, false) => Self::PrimaryKey,
        })
    }

    /// What is copied before the columns, and in which order.
    pub(super) fn copied(&self, vectors: &Table) -> (String, String) {
        match self {
            // The column that is the number is copied anyway.
            Self::Rowid(rowid) if is_numbered(vectors) => (String::new(), (*rowid).to_owned()),
            Self::Rowid(rowid) => (format!("{rowid}, "), (*rowid).to_owned()),
            Self::Numbered(rowid) => (String::new(), format!("id IS NULL, id, {rowid}")),
            Self::PrimaryKey => (String::new(), key(vectors).join(", ")),
            Self::Id => (String::new(), "id".to_owned()),
        }
    }

    /// The old rows `o`, each with its new row `n` where it has one.
    fn joined(&self, vectors: &Table, rebuilt: &str) -> String {
        match self {
            Self::Rowid(rowid) => {
                format!("vectors o LEFT JOIN {rebuilt} n ON n.{rowid} = o.{rowid}")
            }
            Self::Numbered(rowid) => format!(
                "vectors o \
                 LEFT JOIN (SELECT {rowid} AS old, row_number() OVER (ORDER BY {rowid}) \
                 + (SELECT max(coalesce(max(id), 0), 0) FROM vectors) AS new FROM vectors WHERE id IS NULL) numbered \
                 ON numbered.old = o.{rowid} \
                 LEFT JOIN {rebuilt} n ON n.{rowid} = coalesce(o.id, numbered.new)"
            ),
            Self::PrimaryKey => {
                let is_same = |column: &String| format!("n.{column} = o.{column}");
                let are_same: Vec<String> = key(vectors).iter().map(is_same).collect();
                format!(
                    "vectors o LEFT JOIN {rebuilt} n ON {}",
                    are_same.join(" AND ")
                )
            }
            Self::Id => format!("vectors o LEFT JOIN {rebuilt} n ON n.id = o.id"),
        }
    }

    fn may_differ(&self, column: &str) -> &'static str {
        match self {
            Self::Numbered(_) if column == "id" => "o.id IS NOT NULL AND ",
            Self::Rowid(_) | Self::Numbered(_) | Self::PrimaryKey | Self::Id => "",
        }
    }
}

fn is_numbered(vectors: &Table) -> bool {
    let numbered = Filled::AutoIncrement { sequence: None };
    vectors
        .columns
        .iter()
        .any(|column| column.filled == numbered)
}

fn key(vectors: &Table) -> Vec<String> {
    vectors.primary_key.iter().map(|one| quoted(one)).collect()
}

/// Counts, under the name of each column, the rows that have another value in it, or one of another type;
/// before that the rows that are not there, or are there besides. No collation calls two texts the same.
pub(super) fn query(vectors: &Table, rebuilt: &str, pairs: &Pairs) -> String {
    let of_column = |name: &String| {
        let (column, may_differ) = (quoted(name), pairs.may_differ(name));
        format!(
            "count(CASE WHEN {may_differ}(typeof(o.{column}) <> typeof(n.{column}) \
             OR o.{column} COLLATE BINARY IS NOT n.{column}) THEN 1 END) AS {column}"
        )
    };
    let columns = vectors.columns.iter().map(|column| &column.name);
    let columns: Vec<String> = columns.map(of_column).collect();
    format!(
        "SELECT abs(count(*) - (SELECT count(*) FROM {rebuilt})) AS \"every value\", {} FROM {}",
        columns.join(", "),
        pairs.joined(vectors, rebuilt)
    )
}

fn quoted(name: &str) -> String {
    sql::identifier(DbBackend::Sqlite, name)
}
