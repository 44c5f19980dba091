use futures_util::future;
use sea_orm::{ConnectionTrait, TransactionTrait, sea_query::InsertStatement};

use super::{
    insert::{Batches, in_rows},
    transaction::{begin, end},
};
use crate::{Error, Page, VectorIds, vectors};

impl vectors::Entity {
    /// Records pages of a document, all or none, and returns the number of pages that the iterator
    /// yielded.
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
            let rows = pages.inspect(|_| recorded += 1).flat_map(in_rows);
            let batches = Batches::new(doc_id, rows);
            let outcome = run_all(&transaction, doc_id, batches).await;
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

async fn run(db: &impl ConnectionTrait, doc_id: i32, batch: InsertStatement) -> Result<(), Error> {
    let done = db.execute(&batch).await;
    done.map(|_| ()).map_err(Error::of_document(doc_id))
}
