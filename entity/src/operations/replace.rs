use std::collections::{BTreeMap, HashSet};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, TransactionTrait, sea_query::LockType,
};

use super::{
    insert::{Batches, ROWS_AT_ONCE, in_rows},
    record::run_all,
    row::Row,
    transaction::{begin, end, lock_document, without_gap_locks},
};
use crate::{Error, Page, VectorId, VectorIds, vectors};

impl vectors::Entity {
    /// Replaces the ids of a page, and returns the ids that the page no longer has, which are the
    /// points to delete from the vector store.
    ///
    /// The change is atomic. The page's first row is kept, with the values of columns that the
    /// application has added; its further rows are deleted. An id that another page has too is
    /// returned as well.
    ///
    /// The role needs the right to lock the document, as for a deletion: on PostgreSQL this is the
    /// right to UPDATE a column of `documents`. In a caller's transaction at REPEATABLE READ,
    /// PostgreSQL does not show what other sessions have recorded since it began, so call this
    /// function first.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownDocument`], [`Error::NegativePage`] and [`Error::NoIds`].
    /// - [`Error::CommitUnknown`] if the result of the COMMIT is not known.
    /// - [`Error::Unreadable`] or [`Error::Database`] if the present ids cannot be read. Nothing is
    ///   replaced whose ids could not be returned.
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
        let of_page = Condition::all().add(vectors::Column::Page.eq(page.number));
        replace(db, doc_id, of_page, vec![page]).await
    }

    /// Replaces all pages of a document, and returns the ids that the document no longer has,
    /// including those of pages that were removed. These are the points to delete from the vector
    /// store. An id that any of the new pages has is not among them.
    ///
    /// The change is atomic, and pages that have these ids already are left unchanged. A page that
    /// is given several times gets the ids of all. What [`replace_page`](Self::replace_page) says
    /// about the rows and the role's rights applies here too.
    ///
    /// # Errors
    ///
    /// - Those of [`replace_page`](Self::replace_page).
    /// - [`Error::NoPages`] if the list is empty. To remove all pages, use
    ///   [`delete_pages_of_document`](Self::delete_pages_of_document).
    ///
    /// ```
    /// use entity::{Error, Page, VectorIds, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn embed_again(db: &DatabaseConnection, doc_id: i32) -> Result<VectorIds, Error> {
    ///     let pages = [
    ///         Page::new(1, ["0f8fad5bd9cb469fa16570867728950e"]),
    ///         Page::new(2, ["7c9e6679742540de944be07fc1f90ae7"]),
    ///     ];
    ///     Vectors::replace_document(db, doc_id, pages).await
    /// }
    /// ```
    pub fn replace_document<C, P>(
        db: &C,
        doc_id: i32,
        pages: P,
    ) -> impl Future<Output = Result<VectorIds, Error>> + Send
    where
        C: ConnectionTrait + TransactionTrait,
        P: IntoIterator<Item = Page>,
    {
        let mut pages: Vec<Page> = pages.into_iter().collect();
        async move {
            if pages.is_empty() {
                return Err(Error::NoPages { doc_id });
            }
            pages.sort_by_key(|page| page.number);
            replace(db, doc_id, Condition::all(), Page::gather(pages)).await
        }
    }
}

async fn replace<C>(
    db: &C,
    doc_id: i32,
    of_pages: Condition,
    pages: Vec<Page>,
) -> Result<VectorIds, Error>
where
    C: ConnectionTrait + TransactionTrait,
{
    for page in &pages {
        page.require_valid(doc_id)?;
    }
    let transaction = begin(db, without_gap_locks(db).await).await?;
    let outcome = async {
        lock_document(&transaction, doc_id).await?;
        exchange(&transaction, doc_id, of_pages, pages).await
    };
    let outcome = outcome.await;
    end(transaction, outcome, |ids| ids, Error::of_document(doc_id)).await
}

/// Replaces the pages of a document that is locked.
async fn exchange(
    db: &impl ConnectionTrait,
    doc_id: i32,
    of_pages: Condition,
    pages: Vec<Page>,
) -> Result<VectorIds, Error> {
    let find = vectors::Entity::find()
        .filter(vectors::Column::DocId.eq(doc_id))
        .filter(of_pages)
        .order_by_asc(vectors::Column::Id)
        .lock(LockType::Update);
    let mut old = OldPages::of(Row::all(db, find.as_query()).await?);
    let kept: HashSet<VectorId> = pages.iter().flat_map(|page| &page.ids).cloned().collect();

    let mut new = Vec::new();
    let mut gone = Vec::new();
    for page in pages {
        let (ids, rows) = old.pages.remove(&page.number).unwrap_or_default();
        let is_as_wanted = ids == page.ids;
        old.ids.extend(ids);
        if is_as_wanted {
            continue;
        }
        let mut parts = in_rows(page).into_iter();
        let mut rows = rows.into_iter();
        if let Some(first) = rows.next()
            && let Some(page) = parts.next()
        {
            let change = of_rows(vectors::Entity::update_many(), doc_id, [first]);
            let change = change.set(vectors::ActiveModel {
                vector_ids: Set(page.ids),
                ..Default::default()
            });
            change.exec(db).await?;
        }
        new.extend(parts);
        gone.extend(rows);
    }
    for (ids, rows) in old.pages.into_values() {
        old.ids.extend(ids);
        gone.extend(rows);
    }
    run_all(db, doc_id, Batches::new(doc_id, new.into_iter())).await?;
    for ids in gone.chunks(ROWS_AT_ONCE) {
        of_rows(vectors::Entity::delete_many(), doc_id, ids.iter().copied())
            .exec(db)
            .await?;
    }
    Ok(old
        .ids
        .into_iter()
        .filter(|id| !kept.contains(id))
        .collect())
}

/// The present ids and rows of each page of a document, by its number.
#[derive(Default)]
struct OldPages {
    pages: BTreeMap<i32, (VectorIds, Vec<i32>)>,
    /// The ids of the pages that have been compared.
    ids: VectorIds,
}

impl OldPages {
    fn of(rows: Vec<Row>) -> Self {
        let mut old = Self::default();
        for row in rows {
            let (ids, rows) = old.pages.entry(row.page).or_default();
            ids.extend(row.ids);
            rows.push(row.id);
        }
        old
    }
}

/// Restricts a query to rows of a document. Citus finds the rows by the document.
fn of_rows<Q: QueryFilter>(query: Q, doc_id: i32, ids: impl IntoIterator<Item = i32>) -> Q {
    query
        .filter(vectors::Column::DocId.eq(doc_id))
        .filter(vectors::Column::Id.is_in(ids))
}
