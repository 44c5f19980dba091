use sea_orm::{DbErr, SqlErr};

use crate::VectorIds;

/// Why an operation on the pages of a document has changed nothing; only of
/// [`Unanswered`](Self::Unanswered) that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such document, or no longer.
    #[error("documents: there is none with id {doc_id}; record it there first")]
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
        "vectors.vector_ids: page {page} of document {doc_id} has no ids; to take a page's ids away, delete it"
    )]
    NoIds {
        /// The document that was named.
        doc_id: i32,
        /// The page that was named.
        page: i32,
    },
    /// The list of pages was empty.
    #[error("document {doc_id}: expected at least one page, found none")]
    NoPages {
        /// The document that was named.
        doc_id: i32,
    },
    /// The list of documents was empty.
    #[error("expected at least one document, found none")]
    NoDocuments,
    /// The commit did not end well, most likely because the connection ended: the change is made, or it is not.
    /// Where the rows are gone, these ids are to be deleted from the vector store.
    #[error(
        "the database did not confirm the change, which may be made all the same: {source}. Look at the rows: \
         if they are changed, {} ids are to be deleted from the vector store",
        unused.len()
    )]
    Unanswered {
        /// What the operation would have returned; none where it returns none.
        unused: VectorIds,
        /// What the driver said.
        source: DbErr,
    },
    /// What the database said, or a value of `vector_ids` that cannot be read.
    ///
    /// MySQL and MariaDB may end one of two changes at the same time (1213, deadlock), mostly in a small
    /// table, of which they lock more than the document's rows: do it again.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl Error {
    /// For a statement whose only foreign key is that to `documents`.
    pub(crate) fn of_document(doc_id: i32) -> impl Fn(DbErr) -> Self {
        move |error| match error.sql_err() {
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Self::UnknownDocument { doc_id },
            _ => Self::Database(error),
        }
    }
}
