use sea_orm::{DbErr, TransactionError};

use crate::{ParseVectorIdsError, Referrer, VectorIds, server_error};

/// Why an operation on the pages of a document has changed nothing; only of
/// [`CommitUnknown`](Self::Unanswered) that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such document, or no longer.
    #[error("no document has the id {doc_id}")]
    UnknownDocument {
        /// The document that was named.
        doc_id: i32,
    },
    /// Pages count from 0 or 1, as the application likes.
    #[error("vectors.page: expected 0 or more, found {page} for document {doc_id}")]
    NegativePage {
        /// The document that was named.
        doc_id: i32,
        /// The page that was named.
        page: i32,
    },
    /// A page without ids would be a row that nothing can be looked up by.
    #[error(
        "vectors.vector_ids: page {page} of document {doc_id} has no ids; to remove a page's ids, delete the page"
    )]
    NoIds {
        /// The document that was named.
        doc_id: i32,
        /// The page that was named.
        page: i32,
    },
    /// The list of pages was empty.
    #[error(
        "document {doc_id}: expected at least one page, found none; to remove all its pages, delete them"
    )]
    NoPages {
        /// The document that was named.
        doc_id: i32,
    },
    /// The list of documents was empty.
    #[error("expected at least one document, found none")]
    NoDocuments,
    /// Rows of another table refer to a document and do not let it go.
    #[error("{0}")]
    StillReferenced(Referrer),
    /// A row's `vector_ids` are no list of ids.
    #[error("the row {row} of document {doc_id} cannot be read: {source}. Correct it by hand")]
    Unreadable {
        /// The row's document.
        doc_id: i32,
        /// The row's id.
        row: i32,
        /// What stands there.
        source: ParseVectorIdsError,
    },
    /// The commit did not end well, most likely because the connection ended: the change is made, or it is not.
    /// Where the rows are gone, these ids are to be deleted from the vector store.
    #[error(
        "the database did not confirm the commit, which may have succeeded: {source}. Read the rows: \
         if they are changed, delete {} ids from the vector store",
        unused.len()
    )]
    CommitUnknown {
        /// What the operation would have returned; none where it returns none.
        unused: VectorIds,
        /// What the driver said.
        source: DbErr,
    },
    /// What the database said.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl Error {
    /// Returns whether the same call may succeed when it is made again: another session was in the way, by a lock,
    /// a deadlock or a serialization failure. In a transaction of the caller's the whole transaction is to be done
    /// again.
    ///
    /// MySQL and MariaDB may end one of two changes at the same time (1213, deadlock), mostly in a small table, of
    /// which they lock more than the document's rows.
    ///
    /// ```
    /// use entity::{Error, VectorIds, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn forget(db: &DatabaseConnection, doc_id: i32) -> Result<VectorIds, Error> {
    ///     match Vectors::delete_document(db, doc_id).await {
    ///         Err(error) if error.is_retryable() => Vectors::delete_document(db, doc_id).await,
    ///         outcome => outcome,
    ///     }
    /// }
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Database(error) if server_error::is_in_use(error))
    }

    /// For a statement whose only foreign key is that to `documents`.
    pub(crate) fn of_document(doc_id: i32) -> impl Fn(DbErr) -> Self {
        move |error| match server_error::is_of_foreign_key(&error) {
            true => Self::UnknownDocument { doc_id },
            false => Self::Database(error),
        }
    }

    /// For a statement that deletes documents.
    pub(crate) fn of_deletion(error: DbErr) -> Self {
        match server_error::is_of_foreign_key(&error) {
            true => Self::StillReferenced(server_error::referrer(&error)),
            false => Self::Database(error),
        }
    }
}

/// So that `?` takes them where SeaORM's own errors are expected.
impl From<Error> for DbErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error,
            error => Self::Custom(error.to_string()),
        }
    }
}

/// What [`TransactionTrait::transaction`](sea_orm::TransactionTrait::transaction) returns.
impl From<TransactionError<Self>> for Error {
    fn from(error: TransactionError<Self>) -> Self {
        match error {
            TransactionError::Connection(error) => Self::Database(error),
            TransactionError::Transaction(error) => error,
        }
    }
}
