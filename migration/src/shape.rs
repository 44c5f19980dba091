use sea_orm_migration::IntoSchemaManagerConnection;

use crate::{
    Orphans, Report,
    error::Error,
    runner::{Repaired, Runner},
};

/// Compares the current shape with the declared one and changes nothing.
///
/// It runs in a read-only transaction, works with a role that may only read, and creates no table.
///
/// # Errors
///
/// [`Error::Converge`] if the catalog or the rows cannot be read.
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

/// Fixes every difference that needs no data to be lost or invented, and leaves the rest as it is.
///
/// # Errors
///
/// [`Error::Converge`] if the shape cannot be read, or if the values of orphans could not be
/// stored. Steps that fail are in [`Repaired::failed`], and delay only the steps that depend on
/// them; so is `OrphansKept`.
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
