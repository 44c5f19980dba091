use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect,
    QueryTrait, TransactionTrait,
    sea_query::{LockType, Query},
};

use super::{
    DOCUMENTS_AT_ONCE,
    row::Row,
    transaction::{begin, end, hold, without_gap_locks},
};
use crate::{Error, VectorIds, documents, page::require_page, vectors};

impl vectors::Entity {
    /// Deletes a page's rows and returns their ids: the points to delete from the vector store. None
    /// where the page has no row.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDocument`], [`Error::NegativePage`], [`Error::Unanswered`], and [`Error::Database`]
    /// where the ids cannot be read: nothing is deleted that could not be returned.
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
        let transaction = begin(db, without_gap_locks(db).await).await?;
        let outcome = async {
            hold(&transaction, doc_id).await?;
            take(&transaction, rows).await
        };
        let outcome = outcome.await;
        end(transaction, outcome, |ids| ids).await
    }

    /// Deletes a document with its pages and returns their ids: the points to delete from the vector store.
    ///
    /// The ids of a page that is recorded at the same moment are among them, or recording it ends with
    /// [`Error::UnknownDocument`]; none is left behind.
    ///
    /// A service that ends between the answer and the vector store would forget them: where that matters,
    /// delete in a transaction of your own, then from the vector store, then commit.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDocument`], [`Error::Unanswered`], and [`Error::Database`] where the ids cannot be
    /// read, or where another table refers to the document and does not let it go: nothing is deleted that
    /// could not be returned.
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
        let transaction = begin(db, without_gap_locks(db).await).await?;
        let outcome = delete(&transaction, &doc_ids).await;
        end(transaction, outcome, |ids| ids).await
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
    let delete = vectors::Entity::delete_many().filter(rows.clone());
    let mut taken = match db.get_database_backend() {
        DbBackend::MySql => {
            let find = vectors::Entity::find().filter(rows);
            let found = Row::all(db, find.lock(LockType::Update).as_query()).await?;
            delete.exec(db).await?;
            found
        }
        // Citus locks no rows of several shards in one statement, but deletes them.
        _ => {
            let returning = Query::returning().columns(Row::COLUMNS);
            Row::all(db, delete.into_query().returning(returning)).await?
        }
    };
    taken.sort_by_key(|row| (row.doc_id, row.page, row.id));
    Ok(taken.into_iter().flat_map(Row::ids).collect())
}
