//! The tasks that run while the migration lock is held once.

mod apply;
mod external;
mod find_drift;
mod fresh;
mod repair;
mod roll_back;

pub(super) use apply::{ApplyNext, Converge};
pub(super) use find_drift::{Drift, FindDrift};
pub(super) use fresh::Fresh;
pub(super) use repair::Repair;
pub(super) use roll_back::{MayRollBack, OwnDocuments, RollBack, RollBackNext, Uninstall};

use converge::{Engine, MigrationLock};
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigrationTrait;

use super::settings::Settings;
use crate::Error;

pub(super) trait Task: Sync {
    type Output: Send;

    fn run(
        &self,
        lock: &MigrationLock<'_>,
        settings: &Settings,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;

    /// Takes back what was handed over under a lock whose transaction has committed nothing.
    fn take_back(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Whether there was a migration left to apply or to roll back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The migration of this name was applied or rolled back.
    Made(String),
    /// The migration of this name was applied or rolled back, and was the last.
    Finished(String),
    NothingLeft,
}

impl Progress {
    /// Returns the progress after this migration, with the number of others that were left when the
    /// lock was acquired.
    fn with(migration: &dyn MigrationTrait, left: usize, db: &impl ConnectionTrait) -> Self {
        let name = migration.name().to_owned();
        match (Engine::of(db), left) {
            // The lock is that of one node of Galera: another node may have undone it in the
            // meantime.
            (Engine::MySql, _) | (_, 1..) => Self::Made(name),
            (_, 0) => Self::Finished(name),
        }
    }
}

/// A task that is repeated until no migration is left.
pub(super) trait Repeated: Task<Output = Progress> {
    /// What has happened to a migration afterwards.
    const DONE: &'static str;
}

fn is_among(names: &[String], migration: &dyn MigrationTrait) -> bool {
    names.iter().any(|name| name == migration.name())
}

/// Reports a migration once its record is committed.
pub(super) fn report_done(name: &str, what: &str) {
    tracing::info!("Migration '{name}' has been {what}");
}
