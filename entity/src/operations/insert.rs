//! INSERT statements for the rows of a document.

use std::iter::Peekable;

use sea_orm::{
    ActiveValue::Set,
    DbBackend, DbErr, EntityTrait, QueryTrait, RuntimeErr,
    sea_query::{Expr, ExprTrait, Func, InsertStatement, Query},
};

use crate::{Error, Page, vectors};

/// Maximum size, in bytes, of the ids in one statement. The statement has to fit into MySQL's
/// `max_allowed_packet`, which is 4 MiB or more by default and 1 MiB on some servers. Larger
/// statements are no faster.
const BYTES_AT_ONCE: usize = 768 * 1024;

/// Maximum number of rows in one statement. Each row has three values, and SQLite allows 32,766 in
/// a statement.
pub(super) const ROWS_AT_ONCE: usize = 1_000;

/// Returns the page, or parts of it if its ids are too many for one row.
pub(super) fn in_rows(page: Page) -> Vec<Page> {
    page.in_rows(BYTES_AT_ONCE)
}

/// Statements that record the rows of a document, each with as many rows as fit.
pub(super) struct Batches<P: Iterator<Item = Page>> {
    backend: DbBackend,
    doc_id: i32,
    rows: Peekable<P>,
}

impl<P: Iterator<Item = Page>> Batches<P> {
    pub(super) fn new(backend: DbBackend, doc_id: i32, rows: P) -> Self {
        Self {
            backend,
            doc_id,
            rows: rows.peekable(),
        }
    }
}

impl<P: Iterator<Item = Page>> Iterator for Batches<P> {
    type Item = Result<InsertStatement, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        let fits = |rows: &Vec<Page>, bytes: usize| {
            rows.is_empty() || (rows.len() < ROWS_AT_ONCE && bytes <= BYTES_AT_ONCE)
        };
        while let Some(row) = self
            .rows
            .next_if(|row| fits(&rows, bytes + row.ids.written_len()))
        {
            if let Err(error) = row.require_valid(self.doc_id) {
                return Some(Err(error));
            }
            bytes += row.ids.written_len();
            rows.push(row);
        }
        let insert = match self.backend {
            DbBackend::Postgres => insert_lists,
            _ => insert_values,
        };
        (!rows.is_empty()).then(|| insert(self.doc_id, rows))
    }
}

fn insert_values(doc_id: i32, rows: Vec<Page>) -> Result<InsertStatement, Error> {
    let rows = rows.into_iter().map(|row| vectors::ActiveModel {
        doc_id: Set(doc_id),
        page: Set(row.number),
        vector_ids: Set(row.ids),
        ..Default::default()
    });
    Ok(vectors::Entity::insert_many(rows).into_query())
}

/// Of PostgreSQL. The statement is the same for any number of rows, so that the server plans it once, and has three
/// values, where VALUES has three for each row. A control character separates the texts: JSON escapes them.
fn insert_lists(doc_id: i32, rows: Vec<Page>) -> Result<InsertStatement, Error> {
    const SEPARATOR: char = '\u{1}';
    let mut pages = String::new();
    let lengths = rows.iter().map(|row| row.ids.written_len() + 1);
    let mut texts = String::with_capacity(lengths.sum());
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            pages.push(SEPARATOR);
            texts.push(SEPARATOR);
        }
        pages.push_str(&row.number.to_string());
        row.ids.write_to(&mut texts);
    }
    let each = |list: String| {
        let separator = Func::cust("pg_catalog.chr").arg(u32::from(SEPARATOR) as i32);
        let list = Func::cust("pg_catalog.string_to_array")
            .arg(list)
            .arg(separator);
        Expr::expr(Func::cust("pg_catalog.unnest").arg(list))
    };
    let rows = Query::select()
        .expr(doc_id)
        .expr(each(pages).cast_as("int4"))
        .expr(each(texts))
        .take();
    let columns = [
        vectors::Column::DocId,
        vectors::Column::Page,
        vectors::Column::VectorIds,
    ];
    let mut insert = Query::insert();
    insert.into_table(vectors::Entity).columns(columns);
    match insert.select_from(rows) {
        Ok(_) => Ok(insert),
        Err(error) => Err(DbErr::Query(RuntimeErr::Internal(error.to_string())).into()),
    }
}
