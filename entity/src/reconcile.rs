use futures_util::{Stream, StreamExt, stream::BoxStream};
use sea_orm::{ConnectionTrait, StreamTrait};

use crate::audit::{Audit, AuditError, Event, Finding, Point, USUAL_MEMORY};

/// Compares the points of a vector store with the ids of all rows, and returns a stream of findings: points that are in
/// no row ([`Finding::Stray`]), ids that are not points ([`Finding::Missing`]), rows that cannot be read, and the other
/// [`Finding`]s. It deletes nothing.
///
/// The points are read to their end before the rows are, so a point that is written and recorded meanwhile is not
/// reported as stray. A point that is written before it is recorded may be: delete only points that two reports, some
/// time apart, call stray.
///
/// The ids of a row that cannot be read are not known, so its points are reported as stray. Every
/// [`Finding::Unreadable`] comes before the first [`Finding::Stray`]: delete nothing if there is one.
///
/// It uses up to 512 MiB of memory ([`USUAL_MEMORY`]), and a temporary file above that. An [`Audit`] takes another
/// limit.
/// In a transaction of yours at REPEATABLE READ or above, this has to be the first statement.
///
/// # Errors
///
/// [`AuditError`], which is [`AuditError::Points`] for an error of `points`.
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
