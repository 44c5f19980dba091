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
//! The application's `documents` must exist: see [`CreateDocuments`].
//!
//! # Concepts
//!
//! - **Declaration**: each migration declares in SeaQuery what it adds. The shape at a migration is
//!   the sum of the declarations up to it.
//! - **Inspection**: the tables are read from the database's catalog, and compared with the
//!   declared shape. [`check`] does this and changes nothing. It returns a [`Report`].
//! - **Change**: a difference between both, with the steps that fix it, or the reason why no step
//!   can. `up` and [`repair`] run one step at a time and inspect again, until no difference is
//!   left. `up` fails if a difference needs a manual decision; [`repair`] fixes the others.
//! - **Plan**: the changes that `up` would make. [`Runner::plan_up`] returns it for a review, and
//!   [`Runner::up_as_planned`] applies it if the database still gives the same plan.
//! - **Migration lock**: only one [`Runner`] changes a database, and on PostgreSQL a schema of it,
//!   at a time, even across processes.
//!
//! An application with its own SeaORM migrator has two ways to add these migrations. It can put
//! [`Migrator::migrations`](MigratorTrait::migrations) into its list, which [`Runner`] runs under
//! one lock. Or it can give this migrator its own [migration table](Runner::migration_table).
//!
//! # Features
//!
//! | feature | effect |
//! |---|---|
//! | `cli` (default) | the binary: async-std, the three drivers and the command line |
//! | `recording` | for tests: `recorded` returns an inspection as JSON |
//!
//! A service sets `default-features = false`, and brings a runtime and a driver through its own
//! `sea-orm`.
//!
//! # Errors
//!
//! Each function returns an [`Error`]; SeaORM's trait [`MigratorTrait`] returns the same text as a
//! `DbErr`. Completed steps are kept, and the next run goes on after them.

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

/// The list of migrations. Its methods are those of [`MigratorTrait`], run under the migration
/// lock: see [`Runner`].
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

/// Returns the list of migrations. `generate` appends to this list, and expects it to be the last
/// one in this file.
fn listed() -> Vec<Listed> {
    migrations! {
        vec![
            Box::new(m20250524_000000_create_documents::Migration),
            Box::new(m20250524_120000_create_vectors::Migration),
            Box::new(m20261123_000000_store_vector_ids::Migration),
        ]
    }
}
