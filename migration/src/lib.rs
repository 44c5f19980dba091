//! The migrations of the ColPali `vectors` table, for the command line and for services.
//!
//! ```no_run
//! use migration::{Migrator, MigratorTrait};
//! use sea_orm::{Database, DbErr};
//!
//! /// Brings the service's database up to date before it serves.
//! async fn start(url: &str) -> Result<(), DbErr> {
//!     let db = Database::connect(url).await?;
//!     Migrator::up(&db, None).await
//! }
//! ```
//!
//! The application's `documents` has to be there: see [`CreateDocuments`]. An application with a SeaORM
//! migrator of its own puts [`Migrator::migrations`](MigratorTrait::migrations) into its list, which [`Runner`] runs
//! under one lock, or gives this one another [table of records](Runner::migration_table).
//!
//! `up` makes an existing `vectors` what it is declared to be; [`check`] compares the two and changes
//! nothing, and [`repair`] mends what can be mended without losing or inventing data.
//!
//! # Features
//!
//! `cli` (on by default) is the binary: async-std, the three drivers and the command line. A service
//! sets `default-features = false` and brings a runtime and a driver through its own `sea-orm`.
//! `recording` is for tests: `recorded` returns an inspection as JSON.

#[cfg(feature = "cli")]
pub mod cli;
mod declared;
mod error;
mod m20250524_000000_create_documents;
mod m20250524_120000_create_vectors;
mod m20261123_000000_store_vector_ids;
mod record_table;
#[cfg(test)]
mod recorded_shapes;
#[cfg(feature = "recording")]
mod recording;
mod runner;
#[cfg(feature = "cli")]
mod script;
mod shape;
mod versions;

pub use converge::{
    AtWork, CreateRequired as CreateDocuments, DifferenceReport, Done, ElementReport, ElementState,
    Error as ConvergeError, Location, Migrator as MigratorAtWork, Orphan, OrphanSink, OrphanValue,
    Orphans, RemedyReport, Report, Rewrites, StepReport, UnknownReport,
};
pub use error::Error;
#[cfg(feature = "recording")]
pub use recording::recorded;
pub use runner::Repaired;
pub use runner::{Extent, Found, MigrationRecord, Plan, PlannedMigration, Preview, Runner, Status};
pub use sea_orm_migration::{self, MigratorTrait};
pub use shape::{check, repair};

use sea_orm::DbErr;
use sea_orm_migration::{IntoSchemaManagerConnection, MigrationTrait, async_trait};

use versions::{Listed, migrations};

/// The migrations in their order. Its methods are those of [`MigratorTrait`], one migrator at a time: see
/// [`Runner`].
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    async fn up<'c, C: IntoSchemaManagerConnection<'c>>(
        db: C,
        steps: Option<u32>,
    ) -> Result<(), DbErr> {
        Ok(Runner::new().up(db, steps).await?)
    }

    async fn down<'c, C: IntoSchemaManagerConnection<'c>>(
        db: C,
        steps: Option<u32>,
    ) -> Result<(), DbErr> {
        Ok(Runner::new().down(db, steps).await?)
    }

    async fn refresh<'c, C: IntoSchemaManagerConnection<'c>>(db: C) -> Result<(), DbErr> {
        Ok(Runner::new().refresh(db).await?)
    }

    async fn reset<'c, C: IntoSchemaManagerConnection<'c>>(db: C) -> Result<(), DbErr> {
        Ok(Runner::new().reset(db).await?)
    }

    async fn fresh<'c, C: IntoSchemaManagerConnection<'c>>(db: C) -> Result<(), DbErr> {
        Ok(Runner::new().fresh(db).await?)
    }

    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        listed().into_iter().map(|one| one.migration).collect()
    }
}

/// `generate` appends to this list, and takes it for the last one in this file.
fn listed() -> Vec<Listed> {
    migrations! {
        vec![
            Box::new(m20250524_000000_create_documents::Migration),
            Box::new(m20250524_120000_create_vectors::Migration),
            Box::new(m20261123_000000_store_vector_ids::Migration),
        ]
    }
}
