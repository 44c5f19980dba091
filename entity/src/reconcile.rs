use futures_util::{Stream, StreamExt, stream::BoxStream};
use sea_orm::{ConnectionTrait, StreamTrait};

use crate::audit::{Audit, AuditError, Event, Finding, Point, USUAL_MEMORY};

/// Compares the points of a vector store with the ids of all rows, and tells what is wrong: points that no row names
/// ([`Finding::Stray`]), ids that are no points ([`Finding::Missing`]), rows that cannot be read, and the other
/// [`Finding`]s. It deletes nothing.
///
/// The points are read to their end first, and then the rows, by one statement each for them and for the documents
/// without pages: so a point that is written and recorded meanwhile is not called stray. One that is written before it is
/// recorded may be: delete only what two reports some time apart call stray.
///
/// Ids of a row that cannot be read are not known, and its points are called stray. Every [`Finding::Unreadable`]
/// comes before the first [`Finding::Stray`]: delete nothing where there is one.
///
/// It takes up to 512 MiB of memory ([`USUAL_MEMORY`]) and keeps what is more in a temporary file; an [`Audit`] can be given another limit. In a
/// caller's transaction whose isolation is REPEATABLE READ or more, no statement must have been run before.
///
/// # Errors
///
/// [`AuditError`], with [`AuditError::Points`] where `points` has one.
///
/// ```
/// use entity::{VectorId, audit::{AuditError, Finding}, reconcile};
/// use futures_util::{Stream, TryStreamExt};
/// use sea_orm::{DatabaseConnection, DbErr};
///
/// /// Returns the points that no row names; none where a row cannot be read.
/// async fn stray(
///     db: &DatabaseConnection,
///     points: impl Stream<Item = Result<VectorId, DbErr>>,
/// ) -> Result<Vec<VectorId>, AuditError> {
///     let mut stray = Vec::new();
///     let mut findings = reconcile(db, points).await?;
///     while let Some(finding) = findings.try_next().await? {
///         match finding {
///             Finding::Unreadable { .. } => return Ok(Vec::new()),
///             Finding::Stray { point } => stray.push(point.id().clone()),
///             _ => {}
///         }
///     }
///     Ok(stray)
/// }
/// ```
pub async fn reconcile<'db, C, P, E>(
    db: &'db C,
    points: impl Stream<Item = Result<P, E>>,
) -> Result<BoxStream<'db, Result<Finding, AuditError>>, AuditError>
where
    C: ConnectionTrait + StreamTrait,
    P: Into<Point>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut audit = Audit::with_memory(USUAL_MEMORY)?;
    audit.stream_points(points).await?;
    let events = audit.read(db).await?;
    let findings = events.filter_map(async |event| match event {
        Ok(Event::Finding(finding)) => Some(Ok(finding)),
        Ok(Event::Totals(_)) => None,
        Err(error) => Some(Err(error)),
    });
    Ok(findings.boxed())
}
