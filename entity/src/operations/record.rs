use std::iter::Peekable;

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, TransactionTrait};

use super::transaction::{begin, end};
use crate::{Error, Page, vectors};

/// Of ids in a statement, which has to fit into MySQL's `max_allowed_packet`: 4 MiB or more where nobody
/// has said otherwise, and some say 1 MiB. More in a statement is no faster.
const BYTES_AT_ONCE: usize = 768 * 1024;

/// Each takes three of a statement's values, of which SQLite has 32,766.
const ROWS_AT_ONCE: usize = 1_000;

impl vectors::Entity {
    /// Records pages of a document, all or none, and says how many.
    ///
    /// There may be any number: they are taken from the iterator as they are written, some hundred
    /// kilobytes at a time. A page that has ids already gets a further row; to put others in their place
    /// there is [`replace_page`](Self::replace_page).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDocument`], [`Error::NegativePage`], [`Error::NoIds`] for a page without ids, and
    /// [`Error::NoPages`].
    ///
    /// ```
    /// use entity::{Error, Page, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn ingest(db: &DatabaseConnection, doc_id: i32) -> Result<u64, Error> {
    ///     let pages = [
    ///         Page::new(1, ["0f8fad5bd9cb469fa16570867728950e"]),
    ///         Page::new(2, ["7c9e6679742540de944be07fc1f90ae7"]),
    ///     ];
    ///     Vectors::record_pages(db, doc_id, pages).await
    /// }
    /// ```
    pub async fn record_pages<C, P>(db: &C, doc_id: i32, pages: P) -> Result<u64, Error>
    where
        C: ConnectionTrait + TransactionTrait,
        P: IntoIterator<Item = Page>,
        P::IntoIter: Send,
    {
        let mut batches = Batches {
            doc_id,
            pages: pages.into_iter().peekable(),
        };
        let first = batches.next().ok_or(Error::NoPages { doc_id })??;
        if batches.pages.peek().is_none() {
            return write(db, doc_id, first).await;
        }
        let transaction = begin(db).await?;
        let outcome = async {
            let mut written = write(&transaction, doc_id, first).await?;
            for batch in batches {
                written += write(&transaction, doc_id, batch?).await?;
            }
            Ok(written)
        };
        let outcome = outcome.await;
        end(transaction, outcome).await
    }
}

/// What goes into one statement.
type Batch = Vec<vectors::ActiveModel>;

struct Batches<P: Iterator<Item = Page>> {
    doc_id: i32,
    pages: Peekable<P>,
}

impl<P: Iterator<Item = Page>> Iterator for Batches<P> {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut batch = Batch::new();
        let mut bytes = 0;
        let fits = |batch: &Batch, bytes: usize| {
            batch.is_empty() || (batch.len() < ROWS_AT_ONCE && bytes <= BYTES_AT_ONCE)
        };
        while let Some(page) = self
            .pages
            .next_if(|page| fits(&batch, bytes + page.ids.written_len()))
        {
            if let Err(error) = page.require_valid(self.doc_id) {
                return Some(Err(error));
            }
            bytes += page.ids.written_len();
            batch.push(row(self.doc_id, page));
        }
        (!batch.is_empty()).then_some(Ok(batch))
    }
}

pub(super) fn row(doc_id: i32, page: Page) -> vectors::ActiveModel {
    vectors::ActiveModel {
        doc_id: Set(doc_id),
        page: Set(page.number),
        vector_ids: Set(page.ids),
        ..Default::default()
    }
}

pub(super) async fn write(
    db: &impl ConnectionTrait,
    doc_id: i32,
    rows: impl IntoIterator<Item = vectors::ActiveModel>,
) -> Result<u64, Error> {
    vectors::Entity::insert_many(rows)
        .exec_without_returning(db)
        .await
        .map_err(Error::of_document(doc_id))
}
