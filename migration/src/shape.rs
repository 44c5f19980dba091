use sea_orm_migration::IntoSchemaManagerConnection;

use crate::{
    Orphans, Report,
    error::Error,
    runner::{Repaired, Runner},
};

/// Compares the current shape with the declared one and changes nothing.
///
/// It runs in a read-only transaction, as a role that may only read, and makes no table of its own.
///
/// # Errors
///
/// [`Error::Converge`] where the catalog or the rows cannot be read.
///
/// ```no_run
/// # async fn example(db: &sea_orm::DatabaseConnection) -> Result<(), migration::Error> {
/// let report = migration::check(db).await?;
/// for difference in &report.differences {
///     eprintln!("{}: {difference}", difference.part);
/// }
/// # Ok(())
/// # }
/// ```
pub async fn check<'c, C>(db: C) -> Result<Report, Error>
where
    C: IntoSchemaManagerConnection<'c>,
{
    Runner::new().check(db).await
}

/// Mends what can be mended without losing or inventing data, and leaves the rest as it is.
///
/// # Errors
///
/// [`Error::Converge`] where the shape cannot be read, or the values of orphans could not be stored. Steps that fail stand in [`Repaired::failed`], and hold up only what needs them; so does
/// `OrphansKept`.
///
/// ```no_run
/// # async fn example(db: &sea_orm::DatabaseConnection) -> Result<(), migration::Error> {
/// let repaired = migration::repair(db, migration::Orphans::Keep).await?;
/// assert!(repaired.report.as_declared());
/// # Ok(())
/// # }
/// ```
pub async fn repair<'c, C>(db: C, orphans: Orphans<'_>) -> Result<Repaired, Error>
where
    C: IntoSchemaManagerConnection<'c>,
{
    Runner::new().repair(db, orphans).await
}
