//! The tasks that run while the migration lock is held once.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationTrait, SchemaManager, SchemaManagerConnection};

use converge::{
    Case, Clearing, Contents, Engine, Handover, MigrationLock, OrphansFirst, Record, Refusal,
    Relation, Shape, converge, is_lost_race,
    session::{Session, begin_to_write, reborrow},
};

use super::{
    drift,
    extent::Range,
    plan::{self, Plan},
    preview,
    record_form::Use,
    records::{self, Form},
    repaired::Repaired,
    settings::Settings,
};
use crate::{
    CreateDocuments, Error, Report,
    versions::{self, Compared, Version},
};

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

/// What happens to a `documents` that these migrations created and no table uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnDocuments {
    Drop,
    /// The next migrations need it again.
    Keep,
}

/// The state of the tables since every migration was recorded.
pub(super) enum Drift {
    None,
    Some(Box<Report>),
    /// Not every migration is recorded any more.
    NotComplete,
}

pub(super) struct ApplyNext<'p> {
    range: Range,
    /// The plan that was reviewed, if there is one.
    plan: Option<&'p Plan>,
    /// Whether an earlier task has found that migrations can be recorded, and that none of those
    /// left to apply is refused.
    may_apply: AtomicBool,
}

impl<'p> ApplyNext<'p> {
    pub(super) fn of(range: Range) -> Self {
        Self {
            range,
            plan: None,
            may_apply: AtomicBool::new(false),
        }
    }

    pub(super) fn as_planned(plan: &'p Plan) -> Self {
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

pub(super) struct FindDrift;
/// Requires that nothing that is rolled back later would be refused.
pub(super) struct MayRollBack<'r> {
    pub(super) range: &'r Range,
    /// What the following tasks need the table of records for.
    pub(super) used: Use,
}
pub(super) struct RollBackNext<'r> {
    /// The names of the migrations that may be rolled back.
    pub(super) of: &'r [String],
    pub(super) own_documents: OwnDocuments,
}
/// Drops the table of records, unless another runner has applied a migration since the last one was
/// rolled back.
pub(super) struct Uninstall;
/// Drops everything if no other program's tables exist, or everything of the database that is
/// named.
pub(super) struct Fresh {
    pub(super) may_drop_all_of: Option<String>,
    /// Whether the drop has been announced, which happens once, however often the task waits.
    pub(super) is_announced: AtomicBool,
}
pub(super) struct Converge<'m> {
    pub(super) migration: &'m str,
}
pub(super) struct RollBack<'m> {
    pub(super) migration: &'m str,
}
pub(super) struct Repair<'s> {
    /// Where orphans are stored, if they are to be deleted.
    pub(super) handover: Option<Handover<'s>>,
}

/// A task that is repeated until no migration is left.
pub(super) trait Repeated: Task<Output = Progress> {
    /// What has happened to a migration afterwards.
    const DONE: &'static str;
}

impl Repeated for ApplyNext<'_> {
    const DONE: &'static str = "applied";
}

impl Repeated for RollBackNext<'_> {
    const DONE: &'static str = "rolled back";
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

fn is_among(names: &[String], migration: &dyn MigrationTrait) -> bool {
    names.iter().any(|name| name == migration.name())
}

impl Task for FindDrift {
    type Output = Drift;

    async fn run(&self, lock: &MigrationLock<'_>, settings: &Settings) -> Result<Drift, Error> {
        let pending = records::pending(&lock.work(), settings, Form::Unknown(Use::Names)).await?;
        if pending.is_none_or(|pending| !pending.is_empty()) {
            return Ok(Drift::NotComplete);
        }
        let found = drift::find(&lock.work(), settings).await?;
        Ok(found.map_or(Drift::None, Drift::Some))
    }
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

/// Applies a migration and records it.
async fn apply(
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
        None => run(migration, Direction::Up, work, record).await?,
    }
    record_applied(record, settings, name).await
}

/// Applies a migration and records it in a transaction of its own.
async fn apply_apart(
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

/// Reports a migration once its record is committed.
pub(super) fn report_done(name: &str, what: &str) {
    tracing::info!("Migration '{name}' has been {what}");
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
                run(migration.as_ref(), Direction::Down, lock.work(), &db).await?;
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
        tracing::info!("drops the table of migrations");
        let drop = settings.records.drop(Engine::of(&db));
        Ok(db.execute_unprepared(&drop).await.map(|_| ())?)
    }
}

/// How often MySQL's catalog is read before a table counts as another program's.
const LOOKS: u32 = 3;

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
    /// Drops everything, and creates an empty table of records. Returns how required tables are
    /// created again.
    async fn clear(
        &self,
        db: &SchemaManagerConnection<'_>,
        settings: &Settings,
    ) -> Result<converge::session::Settings, Error> {
        let shape = versions::newest()?;
        let mut looks: u32 = 1;
        let mut contents = loop {
            let contents = Contents::of(db, &settings.engine, &shape).await?;
            match self.require_own(db, settings, &contents).await {
                Ok(()) => break contents,
                // MySQL's catalog has no snapshot: one answer may contain what another node of
                // Galera has just created, and another answer may not.
                Err(Error::TablesOfOthers { .. })
                    if Engine::of(db) == Engine::MySql && looks < LOOKS =>
                {
                    looks += 1;
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

/// Logs what is dropped with a table. A role that may drop a table may not be able to count its
/// rows.
async fn announce_drop(session: &Session<'_>, table: &str) {
    match converge::how_many(session, table).await {
        Ok(rows) => tracing::info!("drops the table {table} with its {rows}"),
        Err(_) => tracing::info!("drops the table {table} with its rows, if there is one"),
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

impl Task for RollBack<'_> {
    type Output = ();

    async fn run(&self, lock: &MigrationLock<'_>, _settings: &Settings) -> Result<(), Error> {
        if let Some(Version { older, newer }) = Version::of(self.migration)? {
            converge::roll_back(&lock.work(), &older, &newer, Record::Callers).await?;
        }
        Ok(())
    }
}

impl Task for Repair<'_> {
    type Output = Repaired;

    async fn run(&self, lock: &MigrationLock<'_>, settings: &Settings) -> Result<Repaired, Error> {
        let session = lock.work();
        let transaction = session.begin_to_read().await?;
        let recorded = records::known(&transaction.db(), settings).await?;
        let tables = converge::tables(&transaction.db()).await?;
        transaction.rollback().await?;
        let Compared { shape, pending } = versions::compared(&recorded, &tables)?;
        let orphans = match self.handover {
            Some(_) => OrphansFirst::Deleted,
            None => OrphansFirst::Kept,
        };
        converge::require_small_rewrites(&session, &shape, orphans).await?;
        let engine = settings.measured(session.backend());
        let session = session.with(&engine);
        let handed_over = || self.handover.as_ref().map_or(0, Handover::rows);
        let mut steps = Vec::new();
        loop {
            let at_first = handed_over();
            let kept = match &self.handover {
                Some(handover) => delete_orphans(&session, &shape, handover).await?,
                None => None,
            };
            let converged = converge(&session, &shape, Refusal::OfItself).await?;
            let is_progress = !converged.done.is_empty() || handed_over() > at_first;
            steps.extend(converged.done);
            // Some orphans can only be deleted when the table is placed where it should be.
            let may_delete_more = self.handover.is_some()
                && kept.is_none()
                && converged.current.has_deletable_orphans();
            if may_delete_more && is_progress {
                continue;
            }
            let failed = converged.failed.into_iter().map(|step| step.error);
            let mut report = converged.current.report(&shape);
            report.pending = pending;
            return Ok(Repaired {
                steps,
                failed: kept.into_iter().chain(failed).collect(),
                deleted_orphans: handed_over(),
                report,
            });
        }
    }

    fn take_back(&self) -> Result<(), Error> {
        Ok(self.handover.as_ref().map_or(Ok(()), Handover::roll_back)?)
    }
}

/// Returns what prevented the deletion of orphans, if that is no reason to stop.
async fn delete_orphans(
    session: &Session<'_>,
    shape: &Shape,
    handover: &Handover<'_>,
) -> Result<Option<converge::Error>, Error> {
    match converge::delete_orphans(session, shape, handover).await {
        Ok(()) => Ok(None),
        Err(error @ converge::Error::OrphansKept { .. }) => Ok(Some(error)),
        Err(converge::Error::Step { statements, source }) if !is_lost_race(&source) => {
            Ok(Some(converge::Error::Step { statements, source }))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// Runs an external migration, in a transaction if SeaORM runs it in one.
async fn run(
    migration: &dyn MigrationTrait,
    direction: Direction,
    work: Session<'_>,
    record: &SchemaManagerConnection<'_>,
) -> Result<(), Error> {
    let outcome = try_run(migration, direction, work, record).await;
    outcome.map_err(|source| Error::ExternalMigration {
        name: migration.name().to_owned(),
        source,
    })
}

async fn try_run(
    migration: &dyn MigrationTrait,
    direction: Direction,
    work: Session<'_>,
    record: &SchemaManagerConnection<'_>,
) -> Result<(), DbErr> {
    let backend = Engine::of(record);
    let in_transaction = migration
        .use_transaction()
        .unwrap_or(backend == Engine::Postgres);
    match (in_transaction, backend) {
        (false, Engine::Postgres) => {
            require_schema(&work).await?;
            step(migration, direction, &SchemaManager::new(work.db)).await
        }
        (false, _) => step(migration, direction, &SchemaManager::new(work.db)).await,
        // The first DDL statement would end the lock's transaction.
        (true, Engine::MySql) => match &work.db {
            SchemaManagerConnection::Connection(pool) => {
                let transaction = begin_to_write(pool).await?;
                step(migration, direction, &SchemaManager::new(&transaction)).await?;
                transaction.commit().await
            }
            callers => step(migration, direction, &SchemaManager::new(reborrow(callers))).await,
        },
        (true, _) => step(migration, direction, &SchemaManager::new(reborrow(record))).await,
    }
}

/// Requires that the pool's connections are in the schema: outside of a transaction, no schema can
/// be set for one migration alone.
async fn require_schema(work: &Session<'_>) -> Result<(), DbErr> {
    let Some(schema) = &work.settings.schema else {
        return Ok(());
    };
    // Reads the connections' own setting, in a transaction as PgBouncer requires.
    let settings = converge::session::Settings {
        schema: None,
        ..work.settings.clone()
    };
    let pool = Session::new(reborrow(&work.db), &settings);
    let transaction = pool.begin_to_read().await?;
    let current = "SELECT coalesce(current_schema(), '')::text";
    let current: Result<Vec<String>, DbErr> = converge::list(&transaction.db(), current, []).await;
    transaction.rollback().await?;
    match current?.first() == Some(schema) {
        true => Ok(()),
        false => Err(DbErr::Migration(format!(
            "it runs outside a transaction, where nothing sets the schema {schema:?}: set it when the pool is opened, \
             with ConnectOptions::set_schema_search_path or ?options=-csearch_path%3D{schema} in the URL"
        ))),
    }
}

async fn step(
    migration: &dyn MigrationTrait,
    direction: Direction,
    manager: &SchemaManager<'_>,
) -> Result<(), DbErr> {
    match direction {
        Direction::Up => migration.up(manager).await,
        Direction::Down => migration.down(manager).await,
    }
}
