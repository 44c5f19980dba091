//! Rolls migrations back, and deletes the record of each with what it has created.

use converge::{Engine, MigrationLock, Record, session::Session};
use sea_orm::ConnectionTrait;

use super::{
    Progress, Repeated, Task,
    external::{self, Direction},
    is_among,
};
use crate::{
    Error,
    runner::{extent::Range, preview, record_form::Use, records, settings::Settings},
    versions::Version,
};

/// What happens to a `documents` that these migrations created and no table uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runner) enum OwnDocuments {
    Drop,
    /// The next migrations need it again.
    Keep,
}

/// Requires that nothing that is rolled back later would be refused.
pub(in crate::runner) struct MayRollBack<'r> {
    pub(in crate::runner) range: &'r Range,
    /// What the following tasks need the migration table for.
    pub(in crate::runner) used: Use,
}

pub(in crate::runner) struct RollBackNext<'r> {
    /// The names of the migrations that may be rolled back.
    pub(in crate::runner) of: &'r [String],
    pub(in crate::runner) own_documents: OwnDocuments,
}

/// Drops the migration table, unless another runner has applied a migration since the last one was
/// rolled back.
pub(in crate::runner) struct Uninstall;

pub(in crate::runner) struct RollBack<'m> {
    pub(in crate::runner) migration: &'m str,
}

impl Repeated for RollBackNext<'_> {
    const DONE: &'static str = "rolled back";
}

impl Task for MayRollBack<'_> {
    type Output = ();

    async fn run(&self, lock: &MigrationLock<'_>, settings: &Settings) -> Result<(), Error> {
        records::is_installed(&lock.record(), settings, self.used).await?;
        preview::down(&lock.work(), settings, self.range)
            .await
            .map(|_| ())
    }
}

impl Task for RollBackNext<'_> {
    type Output = Progress;

    async fn run(&self, lock: &MigrationLock<'_>, settings: &Settings) -> Result<Progress, Error> {
        let db = lock.record();
        let mut applied = records::applied_migrations(&lock.work(), settings).await?;
        applied.retain(|one| is_among(self.of, one.as_ref()));
        let Some(migration) = applied.pop() else {
            return Ok(Progress::NothingLeft);
        };
        let name = migration.name();
        tracing::info!("Rolling back migration '{name}'");
        records::require_deletable(&lock.work(), settings, name).await?;
        match Version::of(name)? {
            Some(Version { older, newer })
                if self.own_documents == OwnDocuments::Keep
                    && newer.only_requires_beyond(&older) =>
            {
                records::delete(&db, settings, name).await?;
            }
            // The record is deleted together with what the migration created.
            Some(Version { older, newer }) => {
                for table in newer.own_tables().filter(|table| !older.has_own(table)) {
                    announce_drop(&lock.work(), table).await;
                }
                for column in newer.columns_beyond(&older) {
                    tracing::info!("drops the column {column} with its values");
                }
                let record = Record::Ours(settings.records.delete(Engine::of(&db), name));
                converge::roll_back(&lock.work(), &older, &newer, record).await?;
            }
            None => {
                external::run(migration.as_ref(), Direction::Down, lock.work(), &db).await?;
                records::delete(&db, settings, name).await?;
            }
        }
        // Another node of Galera may have applied it again.
        if Engine::of(&lock.record()) != Engine::MySql {
            records::require(&db, settings, name, false).await?;
        }
        Ok(Progress::with(migration.as_ref(), applied.len(), &db))
    }
}

impl Task for Uninstall {
    type Output = ();

    async fn run(&self, lock: &MigrationLock<'_>, settings: &Settings) -> Result<(), Error> {
        let db = lock.record();
        if !records::known(&db, settings).await?.is_empty() {
            return Ok(());
        }
        tracing::info!("drops the migration table");
        let drop = settings.records.drop(Engine::of(&db));
        Ok(db.execute_unprepared(&drop).await.map(|_| ())?)
    }
}

impl Task for RollBack<'_> {
    type Output = ();

    async fn run(&self, lock: &MigrationLock<'_>, _settings: &Settings) -> Result<(), Error> {
        if let Some(Version { older, newer }) = Version::of(self.migration)? {
            converge::roll_back(&lock.work(), &older, &newer, Record::Callers).await?;
        }
        Ok(())
    }
}

/// Logs what is dropped with a table. A role that may drop a table may not be able to count its
/// rows.
async fn announce_drop(session: &Session<'_>, table: &str) {
    match converge::how_many(session, table).await {
        Ok(rows) => tracing::info!("drops the table {table} with its {rows}"),
        Err(_) => tracing::info!("drops the table {table} with its rows, if there is one"),
    }
}
