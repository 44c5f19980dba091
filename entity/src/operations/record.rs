use std::iter::Peekable;

use futures_util::future;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, InsertMany, TransactionTrait};

use super::transaction::{begin, end};
use crate::{Error, Page, VectorIds, vectors};

/// Maximum size, in bytes, of the ids in one statement. The statement has to fit into MySQL's
/// `max_allowed_packet`, which is 4 MiB or more by default and 1 MiB on some servers. Larger
/// statements are no faster.
pub(super) const BYTES_AT_ONCE: usize = 768 * 1024;

/// Maximum number of rows in one statement. Each row has three values, and SQLite allows 32,766 in
/// a statement.
pub(super) const ROWS_AT_ONCE: usize = 1_000;

impl vectors::Entity {
    /// Records pages of a document, all or none, and returns how many.
    ///
    /// The number of pages is not limited: they are taken from the iterator while they are written,
    /// some hundred kilobytes at a time. A page with more ids than that gets several rows. A page
    /// that has ids already gets a further row; to replace its ids, use
    /// [`replace_page`](Self::replace_page).
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownDocument`] and [`Error::NegativePage`].
    /// - [`Error::NoIds`] for a page without ids, and [`Error::NoPages`] for an empty list.
    /// - [`Error::CommitUnknown`] if the result of the COMMIT is not known.
    /// - [`Error::Database`].
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
    pub fn record_pages<C, P>(
        db: &C,
        doc_id: i32,
        pages: P,
    ) -> impl Future<Output = Result<u64, Error>> + Send
    where
        C: ConnectionTrait + TransactionTrait,
        P: IntoIterator<Item = Page>,
        P::IntoIter: Send,
    {
        let mut pages = pages.into_iter().peekable();
        async move {
            if pages.peek().is_none() {
                return Err(Error::NoPages { doc_id });
            }
            // Even a single statement gets a transaction: PostgreSQL ends a caller's transaction in
            // which a statement fails, and if the answer of a COMMIT is lost the caller learns of
            // it. The transaction begins before anything is encoded: the longer one poll takes, the
            // likelier it is that a caller gives up after BEGIN was sent and before its answer was
            // read.
            let transaction = begin(db, None).await?;
            let mut recorded = 0;
            let rows = pages
                .inspect(|_| recorded += 1)
                .flat_map(|page| page.in_rows(BYTES_AT_ONCE));
            let outcome = run_all(&transaction, doc_id, Batches::new(doc_id, rows)).await;
            let refused = Error::of_document(doc_id);
            end(transaction, outcome, |()| VectorIds::default(), refused).await?;
            Ok(recorded)
        }
    }
}

/// Encodes the ids of the next statement while the database runs the current one.
pub(super) async fn run_all<P>(
    db: &impl ConnectionTrait,
    doc_id: i32,
    mut batches: Batches<P>,
) -> Result<(), Error>
where
    P: Iterator<Item = Page> + Send,
{
    let mut next = batches.next();
    while let Some(batch) = next {
        let following = async { batches.next() };
        let (done, following) = future::join(run(db, doc_id, batch?), following).await;
        done?;
        next = following;
    }
    Ok(())
}

/// The rows of one statement.
type Batch = InsertMany<vectors::ActiveModel>;

/// Statements that record the rows of a document's pages. A row holds a page or a part of one.
pub(super) struct Batches<P: Iterator<Item = Page>> {
    doc_id: i32,
    rows: Peekable<P>,
}

impl<P: Iterator<Item = Page>> Batches<P> {
    pub(super) fn new(doc_id: i32, rows: P) -> Self {
        let rows = rows.peekable();
        Self { doc_id, rows }
    }
}

impl<P: Iterator<Item = Page>> Iterator for Batches<P> {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let fits = |batch: &Vec<_>, bytes: usize| {
            batch.is_empty() || (batch.len() < ROWS_AT_ONCE && bytes <= BYTES_AT_ONCE)
        };
        while let Some(page) = self
            .rows
            .next_if(|page| fits(&batch, bytes + page.ids.written_len()))
        {
            if let Err(error) = page.require_valid(self.doc_id) {
                return Some(Err(error));
            }
            bytes += page.ids.written_len();
            batch.push(row(self.doc_id, page));
        }
        (!batch.is_empty()).then(|| Ok(vectors::Entity::insert_many(batch)))
    }
}

fn row(doc_id: i32, page: Page) -> vectors::ActiveModel {
    vectors::ActiveModel {
        doc_id: Set(doc_id),
        page: Set(page.number),
        vector_ids: Set(page.ids),
        ..Default::default()
    }
}

async fn run(db: &impl ConnectionTrait, doc_id: i32, batch: Batch) -> Result<(), Error> {
    let done = batch.exec_without_returning(db).await;
    done.map(|_| ()).map_err(Error::of_document(doc_id))
}
