use std::collections::HashSet;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, TransactionTrait, sea_query::LockType,
};

use super::{
    record::{row, write},
    transaction::{begin, end, hold},
};
use crate::{Error, Page, VectorId, VectorIds, vectors};

impl vectors::Entity {
    /// Puts these ids in the place of all that the page has, and returns those that it has no longer: the
    /// points to delete from the vector store.
    ///
    /// Nobody sees a part of it. What the application keeps in further columns of the page's first row
    /// stays; further rows of the page go. An id that another page has too is returned as well.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDocument`], [`Error::NegativePage`], [`Error::NoIds`], and [`Error::Database`] where
    /// what the page has cannot be read: nothing is replaced that could not be returned.
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
        let transaction = begin(db).await?;
        let outcome = replace(&transaction, doc_id, page).await;
        end(transaction, outcome).await
    }
}

async fn replace(db: &impl ConnectionTrait, doc_id: i32, page: Page) -> Result<VectorIds, Error> {
    hold(db, doc_id).await?;
    let mut old = vectors::Entity::find()
        .filter(vectors::Column::DocId.eq(doc_id))
        .filter(vectors::Column::Page.eq(page.number))
        .order_by_asc(vectors::Column::Id)
        .lock(LockType::Update)
        .all(db)
        .await?
        .into_iter();
    let kept: HashSet<VectorId> = page.ids.iter().cloned().collect();

    let first = old.next();
    match &first {
        Some(first) => {
            let mut change = vectors::Entity::update_many()
                .filter(vectors::Column::DocId.eq(doc_id))
                .filter(vectors::Column::Id.eq(first.id));
            change = change.set(vectors::ActiveModel {
                vector_ids: Set(page.ids),
                ..Default::default()
            });
            change.exec(db).await?;
        }
        None => {
            write(db, doc_id, [row(doc_id, page)]).await?;
        }
    }
    let rest: Vec<vectors::Model> = old.collect();
    if !rest.is_empty() {
        vectors::Entity::delete_many()
            .filter(vectors::Column::DocId.eq(doc_id))
            .filter(vectors::Column::Id.is_in(rest.iter().map(|row| row.id)))
            .exec(db)
            .await?;
    }
    Ok(first
        .into_iter()
        .chain(rest)
        .flat_map(|row| row.vector_ids)
        .filter(|id| !kept.contains(id))
        .collect())
}
