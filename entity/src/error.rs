use sea_orm::{DbErr, TransactionError};

use crate::{ParseVectorIdsError, Referrer, VectorIds, server_error};

/// An error of an operation on the pages of a document.
///
/// After each of these errors nothing has changed, except after
/// [`CommitUnknown`](Self::CommitUnknown), where that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document does not exist.
    #[error("no document has the id {doc_id}")]
    UnknownDocument {
        /// The id of the document.
        doc_id: i32,
    },
    /// A page number is negative. Pages count from 0 or 1, as the application prefers.
    #[error("vectors.page: expected 0 or more, found {page} for document {doc_id}")]
    NegativePage {
        /// The id of the document.
        doc_id: i32,
        /// The page number.
        page: i32,
    },
    /// A page has no ids. Its row could not be found by any id.
    #[error(
        "vectors.vector_ids: page {page} of document {doc_id} has no ids; to remove a page's ids, delete the page"
    )]
    NoIds {
        /// The id of the document.
        doc_id: i32,
        /// The page number.
        page: i32,
    },
    /// The list of pages is empty.
    #[error(
        "document {doc_id}: expected at least one page, found none; to remove all its pages, delete them"
    )]
    NoPages {
        /// The id of the document.
        doc_id: i32,
    },
    /// The list of documents is empty.
    #[error("expected at least one document, found none")]
    NoDocuments,
    /// Rows of another table refer to the document, and their foreign key blocks the deletion.
    #[error("{0}")]
    StillReferenced(Referrer),
    /// The `vector_ids` of a row are not a list of ids.
    #[error("the row {row} of document {doc_id} cannot be read: {source}. Correct it by hand")]
    Unreadable {
        /// The document of the row.
        doc_id: i32,
        /// The id of the row.
        row: i32,
        /// The position and the reason.
        source: ParseVectorIdsError,
    },
    /// The result of the COMMIT is not known, most likely because the connection ended: the change
    /// was made or not. If the rows are gone, the `unused` ids have to be deleted from the vector
    /// store.
    #[error(
        "the database did not confirm the commit, which may have succeeded: {source}. Read the rows: \
         if they are changed, delete {} ids from the vector store",
        unused.len()
    )]
    CommitUnknown {
        /// The ids that the operation would have returned; empty for an operation that returns
        /// none.
        unused: VectorIds,
        /// The driver's error.
        source: DbErr,
    },
    /// An error of the database.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl Error {
    /// Returns whether the same call may succeed if it is repeated: another session was in the way,
    /// by a lock, a deadlock or a serialization failure. In a caller's transaction, the whole
    /// transaction has to be repeated.
    ///
    /// MySQL and MariaDB may end one of two concurrent changes with a deadlock (1213), mostly in a
    /// small table, of which they lock more than the document's rows.
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

    /// Returns the error of a statement whose only foreign key is the one to `documents`.
    pub(crate) fn of_document(doc_id: i32) -> impl Fn(DbErr) -> Self {
        move |error| match server_error::is_of_foreign_key(&error) {
            true => Self::UnknownDocument { doc_id },
            false => Self::Database(error),
        }
    }

    /// Returns the error of a statement that deletes documents.
    pub(crate) fn of_deletion(error: DbErr) -> Self {
        match server_error::is_of_foreign_key(&error) {
            true => Self::StillReferenced(server_error::referrer(&error)),
            false => Self::Database(error),
        }
    }
}

/// Lets `?` convert these errors where SeaORM's own are expected.
impl From<Error> for DbErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error,
            error => Self::Custom(error.to_string()),
        }
    }
}

/// Converts what [`TransactionTrait::transaction`](sea_orm::TransactionTrait::transaction) returns.
impl From<TransactionError<Self>> for Error {
    fn from(error: TransactionError<Self>) -> Self {
        match error {
            TransactionError::Connection(error) => Self::Database(error),
            TransactionError::Transaction(error) => error,
        }
    }
}
