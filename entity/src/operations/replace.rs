use std::collections::HashSet;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, TransactionTrait, sea_query::LockType,
};

use super::{
    record::{BYTES_AT_ONCE, ROWS_AT_ONCE, row, run},
    row::Row,
    transaction::{begin, end, hold, without_gap_locks},
};
use crate::{Error, Page, VectorId, VectorIds, vectors};

impl vectors::Entity {
    /// Puts these ids in the place of all that the page has, and returns those that it has no longer: the
    /// points to delete from the vector store.
    ///
    /// Nobody sees a part of it. What the application keeps in further columns of the page's first row
    /// stays; further rows of the page go. An id that another page has too is returned as well.
    ///
    /// The role has to be able to lock the document, here as where something is deleted: on PostgreSQL that
    /// takes the right to UPDATE a column of `documents`. In a caller's transaction that reads as of its
    /// beginning (REPEATABLE READ on PostgreSQL), what others have recorded since is not seen: begin with this.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDocument`], [`Error::NegativePage`], [`Error::NoIds`], [`Error::Unanswered`], and
    /// [`Error::Database`] where what the page has cannot be read: nothing is replaced that could not be
    /// returned.
    ///
    /// ```
    /// use entity::{Error, Page, VectorIds, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn embed_again(db: &DatabaseConnection, doc_id: i32) -> Result<VectorIds, Error> {
    ///     let page = Page::new(1, ["7c9e6679742540de944be07fc1f90ae7"]);
    ///     Vectors::replace_page(db, doc_id, page).await
    /// }
    /// ```
    pub async fn replace_page<C>(db: &C, doc_id: i32, page: Page) -> Result<VectorIds, Error>
    where
        C: ConnectionTrait + TransactionTrait,
    {
        page.require_valid(doc_id)?;
        let transaction = begin(db, without_gap_locks(db).await).await?;
        let outcome = replace(&transaction, doc_id, page).await;
        end(transaction, outcome, |ids| ids).await
    }
}

async fn replace(db: &impl ConnectionTrait, doc_id: i32, page: Page) -> Result<VectorIds, Error> {
    hold(db, doc_id).await?;
    let find = vectors::Entity::find()
        .filter(vectors::Column::DocId.eq(doc_id))
        .filter(vectors::Column::Page.eq(page.number))
        .order_by_asc(vectors::Column::Id)
        .lock(LockType::Update);
    let old = Row::all(db, find.as_query()).await?;
    let kept: HashSet<VectorId> = page.ids.iter().cloned().collect();

    let mut new = page.in_rows(BYTES_AT_ONCE).into_iter();
    let mut old_ids = old.iter().filter_map(|row| row.id);
    if let Some(first) = old_ids.next()
        && let Some(page) = new.next()
    {
        let mut change = of_rows(vectors::Entity::update_many(), doc_id, [first]);
        change = change.set(vectors::ActiveModel {
            vector_ids: Set(page.ids),
            ..Default::default()
        });
        change.exec(db).await?;
    }
    for page in new {
        let insert = vectors::Entity::insert_many([row(doc_id, page)]);
        run(db, doc_id, insert).await?;
    }
    let further: Vec<i32> = old_ids.collect();
    for ids in further.chunks(ROWS_AT_ONCE) {
        of_rows(vectors::Entity::delete_many(), doc_id, ids.iter().copied())
            .exec(db)
            .await?;
    }
    Ok(old
        .into_iter()
        .flat_map(Row::ids)
        .filter(|id| !kept.contains(id))
        .collect())
}

/// With the document, by which Citus finds them.
fn of_rows<Q: QueryFilter>(query: Q, doc_id: i32, ids: impl IntoIterator<Item = i32>) -> Q {
    query
        .filter(vectors::Column::DocId.eq(doc_id))
        .filter(vectors::Column::Id.is_in(ids))
}
