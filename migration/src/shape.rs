use sea_orm_migration::IntoSchemaManagerConnection;

use crate::{
    Error, Runner,
    schema::{report::Report, run::Done},
};

/// Compares the live shape with the declared one and changes nothing.
///
/// It runs in a read-only transaction, as a role that may only read, and makes no table of its own.
///
/// # Errors
///
/// [`Error::Lookup`] where the catalog or the rows cannot be read.
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

/// Whether `repair` may delete rows whose document does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orphans {
    /// They stay, and the foreign key stays as it is.
    #[default]
    Keep,
    /// They are deleted first.
    Delete,
}

/// What `repair` did, and how the shape is after it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Repaired {
    /// The steps in their order.
    pub steps: Vec<Done>,
    /// The steps that the server refused; what does not need them was done.
    pub failed: Vec<Error>,
    /// How many rows without a document were deleted.
    pub deleted_orphans: u64,
    /// The shape after the last step.
    pub report: Report,
}

/// Mends what can be mended without losing or inventing data, and leaves the rest as it is.
///
/// # Errors
///
/// [`Error::Lookup`] where the shape cannot be read, [`Error::Step`] where rows without a document cannot
/// be deleted. Other steps that fail stand in [`Repaired::failed`], and hold up only what needs them.
///
/// ```no_run
/// # async fn example(db: &sea_orm::DatabaseConnection) -> Result<(), migration::Error> {
/// let repaired = migration::repair(db, migration::Orphans::Keep).await?;
/// assert!(repaired.report.as_declared());
/// # Ok(())
/// # }
/// ```
pub async fn repair<'c, C>(db: C, orphans: Orphans) -> Result<Repaired, Error>
where
    C: IntoSchemaManagerConnection<'c>,
{
    Runner::new().repair(db, orphans).await
}
