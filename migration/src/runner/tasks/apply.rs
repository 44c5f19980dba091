//! Applies migrations, and records each with what it has changed.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use converge::{
    Engine, MigrationLock, OrphansFirst, Refusal, converge,
    session::{Session, reborrow},
};
use sea_orm_migration::{MigrationTrait, SchemaManagerConnection};

use super::{
    Progress, Repeated, Task,
    external::{self, Direction},
    is_among,
};
use crate::{
    Error,
    runner::{
        extent::Range,
        plan::{self, Plan},
        record_form::Use,
        records::{self, Form},
        settings::Settings,
    },
    versions::{self, Version},
};

pub(in crate::runner) struct ApplyNext<'p> {
    range: Range,
    /// The plan that was reviewed, if there is one.
    plan: Option<&'p Plan>,
    /// Whether an earlier task has found that migrations can be recorded, and that none of those
    /// left to apply is refused.
    may_apply: AtomicBool,
}

impl<'p> ApplyNext<'p> {
    pub(in crate::runner) fn of(range: Range) -> Self {
        Self {
            range,
            plan: None,
            may_apply: AtomicBool::new(false),
        }
    }

    pub(in crate::runner) fn as_planned(plan: &'p Plan) -> Self {
        Self {
            plan: Some(plan),
            ..Self::of(plan.range())
        }
    }

    /// Refuses what a later task would refuse, before anything is changed.
    async fn require_all(
        &self,
        lock: &MigrationLock<'_>,
        settings: &Settings,
    ) -> Result<(), Error> {
        if let Some(plan) = self.plan {
            let location = converge::location(&lock.record()).await?;
            plan::require(&lock.work(), settings, plan, location).await?;
        }
        let form = Form::Unknown(Use::Insert);
        let pending = records::pending(&lock.work(), settings, form).await?;
        let pending = pending.unwrap_or_else(settings.migrations);
        let names = pending.iter().map(|one| one.name().to_owned());
        let names = names.filter(|name| self.range.up().contains(name));
        let names: Vec<String> = names.take(self.range.limit()).collect();
        if let Some(shape) = versions::at_newest_of(&names)? {
            converge::require_small_rewrites(&lock.work(), &shape, OrphansFirst::Kept).await?;
        }
        Ok(())
    }
}

pub(in crate::runner) struct Converge<'m> {
    pub(in crate::runner) migration: &'m str,
}

impl Repeated for ApplyNext<'_> {
    const DONE: &'static str = "applied";
}

impl Task for ApplyNext<'_> {
    type Output = Progress;

    async fn run(&self, lock: &MigrationLock<'_>, settings: &Settings) -> Result<Progress, Error> {
        // Another runner may have dropped the table since our last task.
        let db = lock.record();
        if !self.may_apply.load(Relaxed) {
            self.require_all(lock, settings).await?;
            self.may_apply.store(true, Relaxed);
        }
        let mut pending = match records::pending(&lock.work(), settings, Form::Fits).await? {
            Some(pending) => pending,
            None => {
                records::install(&lock.work(), settings).await?;
                (settings.migrations)()
            }
        };
        if pending.is_empty() && self.plan.is_none() {
            let shape = records::listed_shape(settings)?;
            if let (Engine::MySql, Some(shape)) = (Engine::of(&db), shape) {
                // Another node of Galera may have dropped the table since it was inspected.
                converge(&lock.work(), &shape, Refusal::OfEverything).await?;
            }
        }
        pending.retain(|one| is_among(self.range.up(), one.as_ref()));
        let mut pending = pending.into_iter();
        let Some(migration) = pending.next() else {
            return Ok(Progress::NothingLeft);
        };
        let engine = converge::session::Settings {
            planned: self.plan.map(|plan| plan.planned(migration.name())),
            ..settings.measured(Engine::of(&db))
        };
        apply(migration.as_ref(), lock.work().with(&engine), &db, settings).await?;
        Ok(Progress::with(migration.as_ref(), pending.len(), &db))
    }
}

impl Task for Converge<'_> {
    type Output = ();

    async fn run(&self, lock: &MigrationLock<'_>, _settings: &Settings) -> Result<(), Error> {
        if let Some(Version { newer, .. }) = Version::of(self.migration)? {
            converge(&lock.work(), &newer, Refusal::OfEverything).await?;
        }
        Ok(())
    }
}

/// Applies a migration and records it.
pub(super) async fn apply(
    migration: &dyn MigrationTrait,
    work: Session<'_>,
    record: &SchemaManagerConnection<'_>,
    settings: &Settings,
) -> Result<(), Error> {
    let name = migration.name();
    tracing::info!("Applying migration '{name}'");
    match Version::of(name)? {
        Some(Version { newer, .. }) => {
            converge(&work, &newer, Refusal::OfEverything).await?;
        }
        None => external::run(migration, Direction::Up, work, record).await?,
    }
    record_applied(record, settings, name).await
}

/// Applies a migration and records it in a transaction of its own.
pub(super) async fn apply_apart(
    migration: &dyn MigrationTrait,
    work: Session<'_>,
    settings: &Settings,
) -> Result<(), Error> {
    let name = migration.name();
    let recording = Session::new(reborrow(&work.db), work.settings);
    let is_declared = match Version::of(name)? {
        Some(Version { newer, .. }) => {
            tracing::info!("Applying migration '{name}'");
            converge(&work, &newer, Refusal::OfEverything).await?;
            true
        }
        None => false,
    };
    let transaction = recording.begin_briefly().await?;
    let recorded = match is_declared {
        true => record_applied(&transaction.db(), settings, name).await,
        false => {
            let work = Session::new(reborrow(&work.db), work.settings);
            apply(migration, work, &transaction.db(), settings).await
        }
    };
    match recorded {
        Ok(()) => Ok(transaction.commit().await?),
        Err(error) => {
            // The error is more useful than one of the rollback.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

async fn record_applied(
    record: &SchemaManagerConnection<'_>,
    settings: &Settings,
    name: &str,
) -> Result<(), Error> {
    records::insert(record, settings, name).await?;
    records::require(record, settings, name, true).await
}
