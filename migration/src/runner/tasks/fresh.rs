//! Drops every table and applies all migrations.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use converge::{Case, Clearing, Contents, Engine, MigrationLock, Relation, Shape};
use sea_orm::ConnectionTrait;
use sea_orm_migration::SchemaManagerConnection;

use super::{
    Repeated, Task,
    apply::{ApplyNext, apply, apply_apart},
    report_done,
};
use crate::{
    CreateDocuments, Error,
    runner::{records, settings::Settings},
    versions,
};

/// Drops everything if no other program's tables exist, or everything of the database that is
/// named.
pub(in crate::runner) struct Fresh {
    pub(in crate::runner) may_drop_all_of: Option<String>,
    /// Whether the drop has been announced, which happens once, however often the task waits.
    pub(in crate::runner) is_announced: AtomicBool,
}

/// How often MySQL's catalog is read before a table counts as another program's.
const CATALOG_READS: u32 = 3;

impl Task for Fresh {
    type Output = ();

    async fn run(&self, lock: &MigrationLock<'_>, settings: &Settings) -> Result<(), Error> {
        let (record, work) = (lock.record(), lock.work());
        let clearing = Clearing::of(&record).await?;
        let transaction = clearing.begin(&record, &work).await?;
        let cleared = self.clear(&transaction.db(), settings).await;
        let engine = match cleared {
            Ok(engine) => engine,
            Err(error) => {
                // The tables that this transaction has locked would count as another program's. The
                // error is more useful than one of the rollback.
                let _ = transaction.rollback().await;
                return Err(error);
            }
        };
        transaction.commit().await?;
        for migration in (settings.migrations)() {
            let work = match (Engine::of(&record), clearing) {
                // Each statement is committed.
                (Engine::MySql, _) | (_, Clearing::Apart) => lock.work(),
                (Engine::Postgres | Engine::Sqlite, Clearing::WithTheLock) => lock.within(),
            };
            let work = work.with(&engine);
            match clearing {
                Clearing::WithTheLock => apply(migration.as_ref(), work, &record, settings).await?,
                // A session that builds an index for a later migration would wait for a transaction
                // that has written a record.
                Clearing::Apart => apply_apart(migration.as_ref(), work, settings).await?,
            }
            report_done(migration.name(), ApplyNext::DONE);
        }
        Ok(())
    }
}

impl Fresh {
    /// Drops everything, and creates an empty migration table. Returns how required tables are
    /// created again.
    async fn clear(
        &self,
        db: &SchemaManagerConnection<'_>,
        settings: &Settings,
    ) -> Result<converge::session::Settings, Error> {
        let shape = versions::newest()?;
        let mut reads: u32 = 1;
        let mut contents = loop {
            let contents = Contents::of(db, &settings.engine, &shape).await?;
            match self.require_own(db, settings, &contents).await {
                Ok(()) => break contents,
                // MySQL's catalog has no snapshot: one answer may contain what another node of
                // Galera has just created, and another answer may not.
                Err(Error::TablesOfOthers { .. })
                    if Engine::of(db) == Engine::MySql && reads < CATALOG_READS =>
                {
                    reads += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let backend = Engine::of(db);
        let engine = remaking_required(settings, &contents, &shape, backend)?;
        let relations = &mut contents.relations;
        if !relations.is_empty() && !self.is_announced.swap(true, Relaxed) {
            let mut names: Vec<&str> = relations.iter().map(|one| one.name.as_str()).collect();
            names.sort_unstable();
            tracing::info!("drops, with all their rows: {}", names.join(", "));
        }
        // Where each statement commits, a crash must leave no record of a table that is gone.
        let case = case_of(db, settings, relations).await?;
        relations.sort_by_key(|relation| !settings.records.is_called(case, &relation.name));
        converge::drop_all(db, relations).await?;
        let create = settings.records.create(backend);
        db.execute_unprepared(&create).await?;
        Ok(engine)
    }

    async fn require_own(
        &self,
        db: &impl ConnectionTrait,
        settings: &Settings,
        contents: &Contents,
    ) -> Result<(), Error> {
        let location = || contents.location.clone();
        let relations = &contents.relations;
        let referrers = converge::referrers_elsewhere(db).await?;
        if !referrers.is_empty() {
            return Err(Error::Converge(converge::Error::ReferredTo {
                location: location(),
                tables: referrers,
            }));
        }
        if self.may_drop_all_of.as_ref() == Some(&contents.location.database) {
            return Ok(());
        }
        let recorded = versions::at_newest_of(&records::known(db, settings).await?)?;
        let case = case_of(db, settings, relations).await?;
        let is_own = |relation: &&Relation| {
            let name = &relation.name;
            settings.records.is_called(case, name)
                || contents.required_made_here.contains(name)
                || recorded.as_ref().is_some_and(|shape| shape.has_own(name))
        };
        let mut others: Vec<String> = relations
            .iter()
            .filter(|relation| !is_own(relation))
            .map(|relation| relation.name.clone())
            .collect();
        others.sort_unstable();
        match others.is_empty() {
            true => Ok(()),
            false => Err(Error::TablesOfOthers {
                location: location(),
                tables: others,
            }),
        }
    }
}

async fn case_of(
    db: &impl ConnectionTrait,
    settings: &Settings,
    relations: &[Relation],
) -> Result<Case, Error> {
    let names = relations.iter().map(|relation| relation.name.as_str());
    Ok(converge::case_of_tables(db, settings.records.name(), names).await?)
}

/// Returns how required tables are created again. A required table that these migrations created is
/// created again where it was. Another program's is not replaced: if none would exist afterwards,
/// nothing is dropped.
fn remaking_required(
    settings: &Settings,
    contents: &Contents,
    shape: &Shape,
    backend: Engine,
) -> Result<converge::session::Settings, Error> {
    let mut engine = settings.engine.clone();
    let is_made_here = |table: &str| contents.required_made_here.iter().any(|one| one == table);
    let may_create = engine.create_required.allows(backend, &contents.location)
        || records::others_come_first(settings);
    let lacking = shape
        .required_tables()
        .find(|table| !may_create && !is_made_here(table));
    if let Some(table) = lacking {
        return Err(contents.would_lack(backend, table, &engine).into());
    }
    if !contents.required_made_here.is_empty() {
        engine.create_required = CreateDocuments::Anywhere;
    }
    Ok(engine)
}
