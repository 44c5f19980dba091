//! INSERT statements for the rows of a document.

use std::iter::Peekable;

use sea_orm::{ActiveValue::Set, EntityTrait, QueryTrait, sea_query::InsertStatement};

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
    doc_id: i32,
    rows: Peekable<P>,
}

impl<P: Iterator<Item = Page>> Batches<P> {
    pub(super) fn new(doc_id: i32, rows: P) -> Self {
        Self {
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
        (!rows.is_empty()).then(|| Ok(insert(self.doc_id, rows)))
    }
}

fn insert(doc_id: i32, rows: Vec<Page>) -> InsertStatement {
    let rows = rows.into_iter().map(|row| vectors::ActiveModel {
        doc_id: Set(doc_id),
        page: Set(row.number),
        vector_ids: Set(row.ids),
        ..Default::default()
    });
    vectors::Entity::insert_many(rows).into_query()
}
