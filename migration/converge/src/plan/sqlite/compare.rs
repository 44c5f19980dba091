//! Compares a rebuilt table with the old one: every row, and every value with its type.

use super::{definition::Definition, listed, quoted};
use crate::{engine::Engine, model::Table, sql};

/// How rows of the new table are paired with rows of the old one.
pub(super) enum Pairs<'t> {
    /// Both rows have the same number under this name.
    Rowid(&'static str),
    /// The column becomes that number. Rows with NULL in it are copied last, in the order of the
    /// old number, in which they were inserted, so that they get numbers that no row has.
    Numbered {
        column: &'t str,
        rowid: &'static str,
    },
    /// A table WITHOUT ROWID has only its primary key.
    PrimaryKey,
    /// The column is the key of a table WITHOUT ROWID, and becomes the number.
    Key(&'t str),
}

impl<'t> Pairs<'t> {
    /// Returns the pairs for a rebuild in which this column, if any, becomes the number of the row.
    pub(super) fn of(
        table: &Table,
        definition: &Definition,
        number: Option<&'t str>,
    ) -> Result<Self, String> {
        let has_rowid = definition.without_rowid.is_none();
        let rowid = ["rowid", "_rowid_", "oid"];
        let rowid = rowid.into_iter().find(|name| table.column(name).is_none());
        let rowid =
            rowid.ok_or("its columns hide what SQLite numbers rows by: rebuild the table by hand");
        Ok(match (has_rowid, number) {
            (true, Some(column)) => Self::Numbered {
                column,
                rowid: rowid?,
            },
            (true, None) => Self::Rowid(rowid?),
            (false, Some(column)) => Self::Key(column),
            (false, None) => Self::PrimaryKey,
        })
    }

    /// Returns what is copied before the columns, and in which order.
    pub(super) fn copied(&self, table: &Table) -> (String, String) {
        match self {
            // The column that is the number is copied anyway.
            Self::Rowid(rowid) if table.auto_increment().is_some() => {
                (String::new(), (*rowid).to_owned())
            }
            Self::Rowid(rowid) => (format!("{rowid}, "), (*rowid).to_owned()),
            Self::Numbered { column, rowid } => {
                let column = quoted(column);
                (
                    String::new(),
                    format!("{column} IS NULL, {column}, {rowid}"),
                )
            }
            Self::PrimaryKey => (String::new(), listed(&table.primary_key)),
            Self::Key(column) => (String::new(), quoted(column)),
        }
    }

    /// Returns the old rows `o`, each with its new row `n` if it has one.
    fn joined(&self, table: &Table, rebuilt: &str) -> String {
        let (old, new) = (quoted(&table.name), quoted(rebuilt));
        match self {
            Self::Rowid(rowid) => format!("{old} o LEFT JOIN {new} n ON n.{rowid} = o.{rowid}"),
            Self::Numbered { column, rowid } => {
                let column = quoted(column);
                format!(
                    "{old} o \
                     LEFT JOIN (SELECT {rowid} AS old, row_number() OVER (ORDER BY {rowid}) \
                     + (SELECT max(coalesce(max({column}), 0), 0) FROM {old}) AS new \
                     FROM {old} WHERE {column} IS NULL) numbered \
                     ON numbered.old = o.{rowid} \
                     LEFT JOIN {new} n ON n.{rowid} = coalesce(o.{column}, numbered.new)"
                )
            }
            Self::PrimaryKey => {
                let is_same = |name: &String| {
                    let column = quoted(name);
                    format!("n.{column} = o.{column}")
                };
                let are_same: Vec<String> = table.primary_key.iter().map(is_same).collect();
                format!("{old} o LEFT JOIN {new} n ON {}", are_same.join(" AND "))
            }
            Self::Key(column) => {
                let column = quoted(column);
                format!("{old} o LEFT JOIN {new} n ON n.{column} = o.{column}")
            }
        }
    }

    /// Returns the condition under which a value has to be the same.
    fn condition(&self, name: &str) -> String {
        match self {
            Self::Numbered { column, .. } if column.eq_ignore_ascii_case(name) => {
                format!("o.{} IS NOT NULL AND ", quoted(name))
            }
            Self::Rowid(_) | Self::Numbered { .. } | Self::PrimaryKey | Self::Key(_) => {
                String::new()
            }
        }
    }
}

/// The most columns of one query: SQLite computes at most 2000 terms of a query with aggregates, and
/// a column takes two.
const MOST_COLUMNS: usize = 900;

/// Returns queries that count missing and additional rows and, under the name of each column, the
/// rows that have another value in it or a value of another type. No collation makes two texts
/// equal.
pub(super) fn queries(table: &Table, rebuilt: &str, pairs: &Pairs<'_>) -> Vec<String> {
    let of_column = |name: &String| {
        let (column, condition) = (quoted(name), pairs.condition(name));
        format!(
            "count(CASE WHEN {condition}(typeof(o.{column}) <> typeof(n.{column}) \
             OR o.{column} COLLATE BINARY IS NOT n.{column}) THEN 1 END) AS {column}"
        )
    };
    let columns = table.columns.iter().map(|column| &column.name);
    let columns: Vec<String> = columns.map(of_column).collect();
    let of_columns = |columns: &[String]| {
        format!(
            "SELECT abs(count(*) - (SELECT count(*) FROM {})) AS \"every value\", {} FROM {}",
            quoted(rebuilt),
            columns.join(", "),
            pairs.joined(table, rebuilt)
        )
    };
    columns.chunks(MOST_COLUMNS).map(of_columns).collect()
}

/// Returns a query that counts the foreign keys that still refer to the table by the name that it
/// had while it was filled. SQLite renames them if it enforces foreign keys.
pub(super) fn references(table: &str, rebuilt: &str) -> String {
    let literal = |name: &str| sql::literal(Engine::Sqlite, name);
    format!(
        "SELECT count(*) AS \"the table that its own foreign key refers to\" \
         FROM pragma_foreign_key_list({}) WHERE \"table\" = {}",
        literal(table),
        literal(rebuilt)
    )
}
