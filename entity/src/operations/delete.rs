use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    TransactionTrait, sea_query::LockType,
};

use super::transaction::{begin, end, hold};
use crate::{Error, VectorIds, documents, page::require_page, vectors};

/// Each is one of a statement's values, of which SQLite has 32,766.
const DOCUMENTS_AT_ONCE: usize = 10_000;

impl vectors::Entity {
    /// Deletes a page's rows and returns their ids: the points to delete from the vector store. None
    /// where the page has no row.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDocument`], [`Error::NegativePage`], and [`Error::Database`] where the ids cannot be
    /// read: nothing is deleted that could not be returned.
    ///
    /// ```
    /// use entity::{Error, VectorIds, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn forget(db: &DatabaseConnection, doc_id: i32) -> Result<VectorIds, Error> {
    ///     Vectors::delete_page(db, doc_id, 1).await
    /// }
    /// ```
    pub async fn delete_page<C>(db: &C, doc_id: i32, page: i32) -> Result<VectorIds, Error>
    where
        C: ConnectionTrait + TransactionTrait,
    {
        require_page(doc_id, page)?;
        let rows = Condition::all()
            .add(vectors::Column::DocId.eq(doc_id))
            .add(vectors::Column::Page.eq(page));
        let transaction = begin(db).await?;
        let outcome = async {
            hold(&transaction, doc_id).await?;
            take(&transaction, rows).await
        };
        let outcome = outcome.await;
        end(transaction, outcome).await
    }

    /// Deletes a document with its pages and returns their ids: the points to delete from the vector store.
    ///
    /// The ids of a page that is recorded at the same moment are among them, or recording it ends with
    /// [`Error::UnknownDocument`]; none is left behind. The role has to be able to lock the document: on
    /// PostgreSQL that takes the right to UPDATE a column of `documents`, beside DELETE.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDocument`], and [`Error::Database`] where the ids cannot be read, or where another
    /// table refers to the document and does not let it go: nothing is deleted that could not be returned.
    ///
    /// ```
    /// use entity::{Error, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn forget(db: &DatabaseConnection, doc_id: i32) -> Result<(), Error> {
    ///     for id in Vectors::delete_document(db, doc_id).await? {
    ///         println!("to be deleted from the vector store: {id}");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn delete_document<C>(db: &C, doc_id: i32) -> Result<VectorIds, Error>
    where
        C: ConnectionTrait + TransactionTrait,
    {
        Self::delete_documents(db, [doc_id]).await
    }

    /// Deletes documents with their pages, all or none, and returns the pages' ids, as
    /// [`delete_document`](Self::delete_document) does.
    ///
    /// # Errors
    ///
    /// As of [`delete_document`](Self::delete_document), and [`Error::NoDocuments`].
    ///
    /// ```
    /// use entity::{Error, VectorIds, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn forget(db: &DatabaseConnection, doc_ids: &[i32]) -> Result<VectorIds, Error> {
    ///     Vectors::delete_documents(db, doc_ids.iter().copied()).await
    /// }
    /// ```
    pub async fn delete_documents<C, D>(db: &C, doc_ids: D) -> Result<VectorIds, Error>
    where
        C: ConnectionTrait + TransactionTrait,
        D: IntoIterator<Item = i32>,
    {
        // In one order, so that two who delete the same do not wait for each other.
        let doc_ids: BTreeSet<i32> = doc_ids.into_iter().collect();
        if doc_ids.is_empty() {
            return Err(Error::NoDocuments);
        }
        let doc_ids: Vec<i32> = doc_ids.into_iter().collect();
        let transaction = begin(db).await?;
        let outcome = delete(&transaction, &doc_ids).await;
        end(transaction, outcome).await
    }
}

async fn delete(db: &impl ConnectionTrait, doc_ids: &[i32]) -> Result<VectorIds, Error> {
    for doc_id in doc_ids {
        hold(db, *doc_id).await?;
    }
    let mut ids = VectorIds::default();
    for doc_ids in doc_ids.chunks(DOCUMENTS_AT_ONCE) {
        let rows = vectors::Column::DocId.is_in(doc_ids.iter().copied());
        ids.extend(take(db, Condition::all().add(rows)).await?);
        documents::Entity::delete_many()
            .filter(documents::Column::Id.is_in(doc_ids.iter().copied()))
            .exec(db)
            .await?;
    }
    Ok(ids)
}

/// Deletes rows of documents that are held, and returns their ids.
async fn take(db: &impl ConnectionTrait, rows: Condition) -> Result<VectorIds, Error> {
    let mut taken = if db.support_returning() {
        vectors::Entity::delete_many()
            .filter(rows)
            .exec_with_returning(db)
            .await?
    } else {
        let taken = vectors::Entity::find()
            .filter(rows.clone())
            .lock(LockType::Update)
            .all(db)
            .await?;
        vectors::Entity::delete_many().filter(rows).exec(db).await?;
        taken
    };
    taken.sort_by_key(|row| (row.doc_id, row.page, row.id));
    Ok(taken.into_iter().flat_map(|row| row.vector_ids).collect())
}
