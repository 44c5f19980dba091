use futures_util::{Stream, TryStreamExt, stream};
use qdrant_client::{
    Qdrant, QdrantError,
    qdrant::{PointId, ScrollPointsBuilder},
};

use crate::VectorId;

/// How many points one call asks for.
const AT_ONCE: u32 = 10_000;

/// The reason why points cannot be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrollError {
    /// A call has failed.
    #[error("the points of {collection} cannot be listed: {source}")]
    Call {
        /// The collection.
        collection: String,
        /// What the client returned.
        source: Box<QdrantError>,
    },
    /// A point has no id that Qdrant could have given.
    #[error("the points of {collection} cannot be listed: {point:?} is no id of Qdrant")]
    Id {
        /// The collection.
        collection: String,
        /// What stands for the id.
        point: PointId,
    },
    /// A page of points begins where the one before it did, so the listing would never end.
    #[error("the points of {collection} cannot be listed: a page leads to itself")]
    Loop {
        /// The collection.
        collection: String,
    },
}

/// Returns a stream of the ids of all points of a collection, by Qdrant's scroll call without vectors and payloads. The
/// next page is requested when the one before it has been read.
///
/// ```
/// use entity::{ScrollError, VectorId, scroll};
/// use futures_util::TryStreamExt;
/// use qdrant_client::Qdrant;
///
/// async fn ids(store: &Qdrant) -> Result<Vec<VectorId>, ScrollError> {
///     scroll(store, "pages").try_collect().await
/// }
/// ```
///
/// With the feature `audit` the points are compared with the rows by `reconcile(db, scroll(store, "pages"))`.
pub fn scroll<'q>(
    store: &'q Qdrant,
    collection: &str,
) -> impl Stream<Item = Result<VectorId, ScrollError>> + Send + use<'q> {
    let pages = Pages {
        store,
        collection: collection.to_owned(),
    };
    let pages = stream::try_unfold(Some((pages, None)), async |next| {
        let Some((pages, offset)) = next else {
            return Ok(None);
        };
        let (ids, following) = pages.page(offset).await?;
        let next = following.map(|offset| (pages, Some(offset)));
        Ok(Some((stream::iter(ids.into_iter().map(Ok)), next)))
    });
    pages.try_flatten()
}

struct Pages<'q> {
    store: &'q Qdrant,
    collection: String,
}

impl Pages<'_> {
    /// Returns a page, and where the next one begins.
    async fn page(
        &self,
        offset: Option<PointId>,
    ) -> Result<(Vec<VectorId>, Option<PointId>), ScrollError> {
        let collection = || self.collection.clone();
        let mut request = ScrollPointsBuilder::new(collection())
            .limit(AT_ONCE)
            .with_payload(false)
            .with_vectors(false);
        if let Some(offset) = offset.clone() {
            request = request.offset(offset);
        }
        let page = self.store.scroll(request).await;
        let page = page.map_err(|source| ScrollError::Call {
            collection: collection(),
            source: Box::new(source),
        })?;
        if page.next_page_offset.is_some() && page.next_page_offset == offset {
            return Err(ScrollError::Loop {
                collection: collection(),
            });
        }
        let ids = page.result.into_iter().map(|point| {
            let id = VectorId::try_from(point.id.unwrap_or_default());
            id.map_err(|point| ScrollError::Id {
                collection: collection(),
                point,
            })
        });
        Ok((ids.collect::<Result<_, _>>()?, page.next_page_offset))
    }
}
