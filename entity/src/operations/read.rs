use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select, StreamTrait,
    sea_query::{Expr, ExprTrait, SelectStatement},
};

use super::{DOCUMENTS_AT_ONCE, row::Row};
use crate::{Error, Page, VectorId, VectorIds, documents, page::require_page, vectors};

impl vectors::Entity {
    /// Returns the ids of a page, of all its rows in the order in which they were recorded. Returns
    /// an empty list if the page has no row.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownDocument`] and [`Error::NegativePage`].
    /// - [`Error::Unreadable`] or [`Error::Database`] if the ids cannot be read.
    ///
    /// ```
    /// use entity::{Error, VectorIds, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn highlight(db: &DatabaseConnection, doc_id: i32) -> Result<VectorIds, Error> {
    ///     Vectors::ids_of_page(db, doc_id, 1).await
    /// }
    /// ```
    pub async fn ids_of_page<C>(db: &C, doc_id: i32, page: i32) -> Result<VectorIds, Error>
    where
        C: ConnectionTrait,
    {
        require_page(doc_id, page)?;
        let of_page = rows_of([doc_id]).filter(vectors::Column::Page.eq(page));
        let rows = read(db, of_page).await?;
        if rows.is_empty() {
            require_document(db, doc_id).await?;
        }
        Ok(rows.into_iter().flat_map(|row| row.ids).collect())
    }

    /// Returns the pages of a document that have rows, ordered by number.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownDocument`].
    /// - [`Error::Unreadable`] or [`Error::Database`] if the ids cannot be read.
    ///
    /// ```
    /// use entity::{Error, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn points(db: &DatabaseConnection, doc_id: i32) -> Result<usize, Error> {
    ///     let pages = Vectors::pages_of_document(db, doc_id).await?;
    ///     Ok(pages.iter().map(|page| page.ids.len()).sum())
    /// }
    /// ```
    pub async fn pages_of_document<C>(db: &C, doc_id: i32) -> Result<Vec<Page>, Error>
    where
        C: ConnectionTrait,
    {
        let rows = read(db, rows_of([doc_id])).await?;
        if rows.is_empty() {
            require_document(db, doc_id).await?;
        }
        Ok(Page::gather(rows.into_iter().map(Row::page)))
    }

    /// Streams the same pages one after the other, in memory that does not grow with their number.
    /// The stream uses the connection until it ends or is dropped: a pool of one connection serves no
    /// other call in the meantime.
    ///
    /// # Errors
    ///
    /// Those of [`pages_of_document`](Self::pages_of_document), as items of the stream.
    ///
    /// ```
    /// use entity::{Error, prelude::*};
    /// use futures_util::TryStreamExt;
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn points(db: &DatabaseConnection, doc_id: i32) -> Result<usize, Error> {
    ///     let pages = Vectors::stream_pages_of_document(db, doc_id).await?;
    ///     pages.try_fold(0, async |count, page| Ok(count + page.ids.len())).await
    /// }
    /// ```
    pub async fn stream_pages_of_document<'db, C>(
        db: &'db C,
        doc_id: i32,
    ) -> Result<impl Stream<Item = Result<Page, Error>> + Send + use<'db, C>, Error>
    where
        C: ConnectionTrait + StreamTrait,
    {
        let rows = rows_of([doc_id])
            .order_by_asc(vectors::Column::Page)
            .order_by_asc(vectors::Column::Id);
        let rows = stream_rows(db, rows.as_query()).await?;
        Ok(gather(db, doc_id, Box::pin(rows)))
    }

    /// Streams every id of the table with its document and its page, for a comparison with a vector
    /// store. The order is not defined, and the memory does not grow with the number of ids. The
    /// stream uses the connection until it ends or is dropped: a pool of one connection serves no
    /// other call in the meantime.
    ///
    /// # Errors
    ///
    /// - [`Error::Unreadable`] instead of the ids of a row that cannot be read. The stream goes on
    ///   with the next row.
    /// - [`Error::Database`].
    ///
    /// ```
    /// use std::collections::HashSet;
    ///
    /// use entity::{Error, VectorId, prelude::*};
    /// use futures_util::TryStreamExt;
    /// use sea_orm::DatabaseConnection;
    ///
    /// /// The points of the vector store that no page has.
    /// async fn stray(db: &DatabaseConnection, mut points: HashSet<VectorId>) -> Result<HashSet<VectorId>, Error> {
    ///     let mut ids = std::pin::pin!(Vectors::stream_ids(db).await?);
    ///     while let Some((_doc_id, _page, id)) = ids.try_next().await? {
    ///         points.remove(&id);
    ///     }
    ///     Ok(points)
    /// }
    /// ```
    pub async fn stream_ids<'db, C>(
        db: &'db C,
    ) -> Result<impl Stream<Item = Result<(i32, i32, VectorId), Error>> + Send + use<'db, C>, Error>
    where
        C: StreamTrait,
    {
        let rows = Self::find().select_only().columns(Row::COLUMNS);
        let rows = stream_rows(db, rows.as_query()).await?;
        Ok(rows.flat_map(|row| {
            let (damaged, row) = match row {
                Ok(row) => (None, Some(row)),
                Err(error) => (Some(Err(error)), None),
            };
            let of_row = row.into_iter().flat_map(|row| {
                let (doc_id, page) = (row.doc_id, row.page);
                row.ids.into_iter().map(move |id| Ok((doc_id, page, id)))
            });
            stream::iter(damaged.into_iter().chain(of_row))
        }))
    }

    /// Streams the documents that have no pages, ordered by id: those that were added but never
    /// indexed. The memory does not grow with their number. The stream uses the connection until it
    /// ends or is dropped: a pool of one connection serves no other call in the meantime.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    ///
    /// ```
    /// use entity::{Error, prelude::*};
    /// use futures_util::TryStreamExt;
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn to_be_indexed(db: &DatabaseConnection) -> Result<Vec<i32>, Error> {
    ///     Vectors::documents_without_pages(db).await?.try_collect().await
    /// }
    /// ```
    pub async fn documents_without_pages<'db, C>(
        db: &'db C,
    ) -> Result<impl Stream<Item = Result<i32, Error>> + Send + use<'db, C>, Error>
    where
        C: StreamTrait,
    {
        let rows = db.stream(without_pages().as_query()).await?;
        Ok(rows.map(|row| Ok(row?.try_get("", "id")?)))
    }

    /// Returns the pages of many documents by the document's id. A document that does not exist is
    /// not in the map; a document without pages has an empty list.
    ///
    /// It sends one query for every ten thousand documents, and a second one if some of these have
    /// no pages.
    ///
    /// # Errors
    ///
    /// - [`Error::NoDocuments`] if the list is empty.
    /// - [`Error::Unreadable`] or [`Error::Database`] if ids cannot be read.
    ///
    /// ```
    /// use entity::{Error, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn print(db: &DatabaseConnection, doc_ids: &[i32]) -> Result<(), Error> {
    ///     for (doc_id, pages) in Vectors::pages_of_documents(db, doc_ids.iter().copied()).await? {
    ///         println!("document {doc_id}: {} pages", pages.len());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn pages_of_documents<C, D>(
        db: &C,
        doc_ids: D,
    ) -> impl Future<Output = Result<BTreeMap<i32, Vec<Page>>, Error>> + Send
    where
        C: ConnectionTrait,
        D: IntoIterator<Item = i32>,
    {
        // A document that is named twice gets its pages once.
        let doc_ids: BTreeSet<i32> = doc_ids.into_iter().collect();
        async move {
            if doc_ids.is_empty() {
                return Err(Error::NoDocuments);
            }
            let doc_ids: Vec<i32> = doc_ids.into_iter().collect();
            let mut documents: BTreeMap<i32, Vec<Page>> = BTreeMap::new();
            for doc_ids in doc_ids.chunks(DOCUMENTS_AT_ONCE) {
                for row in read(db, rows_of(doc_ids.iter().copied())).await? {
                    documents.entry(row.doc_id).or_default().push(row.page());
                }
                let without = doc_ids.iter().filter(|id| !documents.contains_key(id));
                for doc_id in existing(db, without.copied().collect()).await? {
                    documents.insert(doc_id, Vec::new());
                }
            }
            for pages in documents.values_mut() {
                *pages = Page::gather(std::mem::take(pages));
            }
            Ok(documents)
        }
    }

    /// Returns how many pages of a document have rows.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownDocument`].
    /// - [`Error::Database`].
    ///
    /// ```
    /// use entity::{Error, prelude::*};
    /// use sea_orm::DatabaseConnection;
    ///
    /// async fn is_indexed(db: &DatabaseConnection, doc_id: i32) -> Result<bool, Error> {
    ///     Ok(Vectors::count_pages(db, doc_id).await? > 0)
    /// }
    /// ```
    pub async fn count_pages<C>(db: &C, doc_id: i32) -> Result<u64, Error>
    where
        C: ConnectionTrait,
    {
        let count = Expr::col((vectors::Entity, vectors::Column::Page)).count_distinct();
        let counted: Option<i64> = documents::Entity::find_by_id(doc_id)
            .select_only()
            .expr(count)
            .left_join(vectors::Entity)
            .group_by(documents::Column::Id)
            .into_tuple()
            .one(db)
            .await?;
        let counted = counted.ok_or(Error::UnknownDocument { doc_id })?;
        Ok(u64::try_from(counted).unwrap_or_default())
    }
}

pub(crate) fn without_pages() -> Select<documents::Entity> {
    let of_document = Expr::col((vectors::Entity, vectors::Column::DocId))
        .equals((documents::Entity, documents::Column::Id));
    let pages = vectors::Entity::find()
        .select_only()
        .column(vectors::Column::Id)
        .filter(of_document);
    documents::Entity::find()
        .filter(Expr::exists(pages.into_query()).not())
        .order_by_asc(documents::Column::Id)
}

fn rows_of(doc_ids: impl IntoIterator<Item = i32>) -> Select<vectors::Entity> {
    vectors::Entity::find()
        .select_only()
        .columns(Row::COLUMNS)
        .filter(vectors::Column::DocId.is_in(doc_ids))
}

/// Requires that a document exists. Only a document without pages costs this second query; a join
/// would cost every row.
async fn require_document(db: &impl ConnectionTrait, doc_id: i32) -> Result<(), Error> {
    match existing(db, vec![doc_id]).await?.is_empty() {
        true => Err(Error::UnknownDocument { doc_id }),
        false => Ok(()),
    }
}

async fn existing(db: &impl ConnectionTrait, doc_ids: Vec<i32>) -> Result<Vec<i32>, Error> {
    if doc_ids.is_empty() {
        return Ok(doc_ids);
    }
    let documents = documents::Entity::find().filter(documents::Column::Id.is_in(doc_ids));
    let documents = documents.all(db).await?;
    Ok(documents.into_iter().map(|document| document.id).collect())
}

/// Reads rows and sorts them here: SQLite would sort them together with all their ids.
async fn read(db: &impl ConnectionTrait, rows: Select<vectors::Entity>) -> Result<Vec<Row>, Error> {
    let mut rows = Row::all(db, rows.as_query()).await?;
    rows.sort_by_key(|row| (row.doc_id, row.page, row.id));
    Ok(rows)
}

async fn stream_rows<'db, C>(
    db: &'db C,
    rows: &SelectStatement,
) -> Result<impl Stream<Item = Result<Row, Error>> + Send + use<'db, C>, Error>
where
    C: StreamTrait,
{
    let rows = db.stream(rows).await?;
    Ok(rows.map(|row| Row::read(&row?)))
}

type Rows<'db> = Pin<Box<dyn Stream<Item = Result<Row, Error>> + Send + 'db>>;

/// Gathers rows of a stream into pages, as [`Page::gather`] does for a list.
fn gather<'db, C: ConnectionTrait>(
    db: &'db C,
    doc_id: i32,
    rows: Rows<'db>,
) -> impl Stream<Item = Result<Page, Error>> + Send + use<'db, C> {
    stream::try_unfold(Gathering::Before(rows), move |state| async move {
        let (mut rows, mut page) = match state {
            Gathering::Before(mut rows) => match rows.try_next().await? {
                Some(row) => (rows, row.page()),
                None => {
                    // The stream uses the connection, which may be the only one.
                    drop(rows);
                    require_document(db, doc_id).await?;
                    return Ok(None);
                }
            },
            Gathering::Page(rows, page) => (rows, page),
            Gathering::End => return Ok(None),
        };
        while let Some(row) = rows.try_next().await? {
            if row.page != page.number {
                return Ok(Some((page, Gathering::Page(rows, row.page()))));
            }
            page.ids.extend(row.ids);
        }
        Ok(Some((page, Gathering::End)))
    })
}

enum Gathering<'db> {
    Before(Rows<'db>),
    /// The page is complete, and the first row of the next page has been read.
    Page(Rows<'db>, Page),
    End,
}
