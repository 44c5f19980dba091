use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect,
    QueryTrait, Statement, TransactionTrait,
    sea_query::{Expr, ExprTrait, LockType, Query},
};

use super::{
    DOCUMENTS_AT_ONCE,
    row::Row,
    transaction::{begin, end, lock_document, without_gap_locks},
};
use crate::{Error, Referrer, VectorIds, documents, page::require_page, vectors};

impl vectors::Entity {
    /// Deletes a page's rows and returns their ids, which are the points to delete from the vector
    /// store. Returns no ids if the page has no row.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownDocument`] and [`Error::NegativePage`].
    /// - [`Error::CommitUnknown`] if the result of the COMMIT is not known.
    /// - [`Error::Unreadable`] or [`Error::Database`] if the ids cannot be read. Nothing is deleted
    ///   whose ids could not be returned.
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
        delete_rows(db, doc_id, rows).await
    }

    /// Deletes all pages of a document, keeps the document, and returns their ids, which are the
    /// points to delete from the vector store. Returns no ids if the document has no pages.
    ///
    /// If other tables of the application refer to its documents, delete a document in one
    /// transaction with three steps: call this function, delete the application's rows, delete the
    /// document. This function locks the document until the transaction ends, so no session can add
    /// a page in between.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownDocument`].
    /// - [`Error::CommitUnknown`] if the result of the COMMIT is not known.
    /// - [`Error::Unreadable`] or [`Error::Database`] if ids cannot be read. Nothing is deleted
    ///   whose ids could not be returned.
    ///
    /// ```
    /// use entity::{Error, VectorIds, documents, prelude::*};
    /// use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait, entity::*};
    ///
    /// async fn forget(db: &DatabaseConnection, doc_id: i32) -> Result<VectorIds, Error> {
    ///     let transaction = db.begin().await?;
    ///     let unused = Vectors::delete_pages_of_document(&transaction, doc_id).await?;
    ///     // The rows of its own tables here.
    ///     Documents::delete_by_id(doc_id).exec(&transaction).await?;
    ///     transaction.commit().await?;
    ///     Ok(unused)
    /// }
    /// ```
    pub async fn delete_pages_of_document<C>(db: &C, doc_id: i32) -> Result<VectorIds, Error>
    where
        C: ConnectionTrait + TransactionTrait,
    {
        let rows = Condition::all().add(vectors::Column::DocId.eq(doc_id));
        delete_rows(db, doc_id, rows).await
    }

    /// Deletes a document with its pages and returns their ids, which are the points to delete from
    /// the vector store.
    ///
    /// If another session records a page at the same time, either the ids of that page are among
    /// the returned ones, or that session gets [`Error::UnknownDocument`]. No id is left behind.
    ///
    /// A service that ends before it has called the vector store loses the returned ids. To prevent
    /// that, write them to a table of your own in the same transaction, and delete from the vector
    /// store what that table lists.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownDocument`].
    /// - [`Error::StillReferenced`] if another table refers to the document and its foreign key
    ///   blocks the deletion.
    /// - [`Error::CommitUnknown`] if the result of the COMMIT is not known.
    /// - [`Error::Unreadable`] or [`Error::Database`] if ids cannot be read. Nothing is deleted
    ///   whose ids could not be returned.
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
        let transaction = begin(db, without_gap_locks(db).await).await?;
        let outcome = async {
            lock_document(&transaction, doc_id).await?;
            delete(&transaction, &[doc_id]).await
        };
        let outcome = outcome.await;
        end(transaction, outcome, |ids| ids, Error::of_deletion).await
    }

    /// Deletes documents with their pages, all or none, and returns the pages' ids, as
    /// [`delete_document`](Self::delete_document) does. Skips documents that do not exist any more,
    /// so an interrupted purge can be repeated.
    ///
    /// # Errors
    ///
    /// - [`Error::NoDocuments`] if the list is empty.
    /// - Those of [`delete_document`](Self::delete_document), except [`Error::UnknownDocument`].
    ///
    /// ```
    /// use entity::{Error, VectorIds, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn forget(db: &DatabaseConnection, doc_ids: &[i32]) -> Result<VectorIds, Error> {
    ///     Vectors::delete_documents(db, doc_ids.iter().copied()).await
    /// }
    /// ```
    pub fn delete_documents<C, D>(
        db: &C,
        doc_ids: D,
    ) -> impl Future<Output = Result<VectorIds, Error>> + Send
    where
        C: ConnectionTrait + TransactionTrait,
        D: IntoIterator<Item = i32>,
    {
        // Documents are locked in order, so that two sessions that delete the same ones do not
        // deadlock.
        let doc_ids: BTreeSet<i32> = doc_ids.into_iter().collect();
        async move {
            if doc_ids.is_empty() {
                return Err(Error::NoDocuments);
            }
            let transaction = begin(db, without_gap_locks(db).await).await?;
            let outcome = delete_those_there(&transaction, doc_ids).await;
            end(transaction, outcome, |ids| ids, Error::of_deletion).await
        }
    }
}

async fn delete_rows<C>(db: &C, doc_id: i32, rows: Condition) -> Result<VectorIds, Error>
where
    C: ConnectionTrait + TransactionTrait,
{
    let transaction = begin(db, without_gap_locks(db).await).await?;
    let outcome = async {
        lock_document(&transaction, doc_id).await?;
        delete_returning(&transaction, rows).await
    };
    let outcome = outcome.await;
    end(transaction, outcome, |ids| ids, Error::Database).await
}

async fn delete_those_there(
    db: &impl ConnectionTrait,
    doc_ids: BTreeSet<i32>,
) -> Result<VectorIds, Error> {
    let mut held = Vec::new();
    for doc_id in doc_ids {
        match lock_document(db, doc_id).await {
            Ok(()) => held.push(doc_id),
            Err(Error::UnknownDocument { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    delete(db, &held).await
}

/// Deletes documents that are locked, and returns the ids of their pages.
async fn delete(db: &impl ConnectionTrait, doc_ids: &[i32]) -> Result<VectorIds, Error> {
    let mut ids = VectorIds::default();
    for doc_ids in doc_ids.chunks(DOCUMENTS_AT_ONCE) {
        let rows = vectors::Column::DocId.is_in(doc_ids.iter().copied());
        ids.extend(delete_returning(db, Condition::all().add(rows)).await?);
        let delete = documents::Entity::delete_many()
            .filter(documents::Column::Id.is_in(doc_ids.iter().copied()));
        if let Err(error) = delete.exec(db).await {
            return Err(match Error::of_deletion(error) {
                Error::StillReferenced(reported) if reported.table.is_none() => {
                    Error::StillReferenced(found_referrer(db, doc_ids).await.unwrap_or(reported))
                }
                error => error,
            });
        }
    }
    Ok(ids)
}

/// Finds the table that refers to a document, which SQLite's error does not name. Returns `None` if
/// the catalog cannot be queried.
async fn found_referrer(db: &impl ConnectionTrait, doc_ids: &[i32]) -> Option<Referrer> {
    const KEYS: &str = "SELECT t.name, k.\"from\" FROM sqlite_master t, pragma_foreign_key_list(t.name) k
        WHERE t.type = 'table' AND lower(k.\"table\") = 'documents' AND k.on_delete IN ('NO ACTION', 'RESTRICT')";
    let backend = db.get_database_backend();
    if backend != DbBackend::Sqlite {
        return None;
    }
    let keys = Statement::from_string(backend, KEYS);
    for key in db.query_all_raw(keys).await.ok()? {
        let (table, column): (String, String) = key.try_get_many_by_index().ok()?;
        let rows = Query::select()
            .expr(Expr::value(1))
            .from(table.clone())
            .and_where(Expr::col(column).is_in(doc_ids.iter().copied()))
            .limit(1)
            .take();
        if db.query_one(&rows).await.ok()?.is_some() {
            return Some(Referrer {
                table: Some(table),
                constraint: None,
            });
        }
    }
    None
}

/// Deletes rows of documents that are locked, and returns their ids.
async fn delete_returning(db: &impl ConnectionTrait, rows: Condition) -> Result<VectorIds, Error> {
    let delete = vectors::Entity::delete_many().filter(rows.clone());
    let mut deleted = match db.get_database_backend() {
        DbBackend::MySql => {
            let find = vectors::Entity::find().filter(rows);
            let found = Row::all(db, find.lock(LockType::Update).as_query()).await?;
            delete.exec(db).await?;
            found
        }
        // Citus locks no rows of several shards in one statement, but it deletes them.
        _ => {
            let returning = Query::returning().columns(Row::COLUMNS);
            Row::all(db, delete.into_query().returning(returning)).await?
        }
    };
    deleted.sort_by_key(|row| (row.doc_id, row.page, row.id));
    Ok(deleted.into_iter().flat_map(|row| row.ids).collect())
}
