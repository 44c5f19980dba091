//! What is done in one turn.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationTrait, SchemaManager, SchemaManagerConnection};

use super::{preview, records};
use crate::{
    CreateDocuments, Error,
    lock::Turn,
    orphans::Handover,
    schema::{
        converge::{self, Record, Refusal, converge},
        declared::{DOCUMENTS, VECTORS},
        difference::{DOCUMENTS_ARE_NOT_OURS, Scope},
        live::{self, Live, Relation},
        own_documents,
        report::Report,
        rows, run, step,
    },
    server_error::is_lost_race,
    session::{Session, Settings, begin_to_write, reborrow},
    shape::Repaired,
};

pub(super) trait Task: Sync {
    type Output: Send;

    fn run(&self, turn: &Turn<'_>) -> impl Future<Output = Result<Self::Output, Error>> + Send;

    /// Takes back what was given away of a turn whose transaction has committed nothing.
    fn take_back(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Whether there was a migration left to apply or to roll back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// With the migration of this name.
    Made(String),
    NothingLeft,
}

/// What becomes of a `documents` that these migrations have made and nobody has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnDocuments {
    Drop,
    /// It is about to be needed again.
    Keep,
}

pub(super) struct ApplyNext;
/// Nothing is rolled back where something later would be refused.
pub(super) struct MayRollBack {
    pub(super) steps: Option<u32>,
}
pub(super) struct RollBackNext {
    pub(super) own_documents: OwnDocuments,
}
/// Drops the table of the records, unless somebody has applied a migration since the last was rolled back.
pub(super) struct Uninstall;
/// Drops everything, if nobody else's is there, or all of the database that is named.
pub(super) struct Fresh {
    pub(super) may_drop_all_of: Option<String>,
    /// Once, however often it has to wait.
    pub(super) is_announced: AtomicBool,
}
pub(super) struct Converge {
    pub(super) scope: Scope,
}
pub(super) struct RollBack {
    pub(super) scope: Scope,
}
pub(super) struct Repair<'s> {
    /// Where orphans are to be deleted.
    pub(super) handover: Option<Handover<'s>>,
}

impl Task for ApplyNext {
    type Output = Progress;

    async fn run(&self, turn: &Turn<'_>) -> Result<Progress, Error> {
        // Another turn may have dropped the table since the last one of ours.
        let settings = turn.settings();
        let db = turn.record();
        if !records::is_installed(&db, settings).await? {
            install(&db, settings).await?;
        }
        let Some(migration) = records::next_pending(&db, settings).await? else {
            let scope = records::last_scope(settings);
            if let (DbBackend::MySql, Some(scope)) = (db.get_database_backend(), scope) {
                // Another node of Galera may have dropped the table since it was looked at.
                converge(&turn.work(), scope, Refusal::OfEverything).await?;
            }
            return Ok(Progress::NothingLeft);
        };
        apply(migration.as_ref(), turn.work(), &db).await?;
        Ok(Progress::Made(migration.name().to_owned()))
    }
}

impl Task for MayRollBack {
    type Output = ();

    async fn run(&self, turn: &Turn<'_>) -> Result<(), Error> {
        preview::down(&turn.work(), self.steps).await.map(|_| ())
    }
}

/// Does what a migration is for, and records it.
async fn apply(
    migration: &dyn MigrationTrait,
    work: Session<'_>,
    record: &SchemaManagerConnection<'_>,
) -> Result<(), Error> {
    let name = migration.name();
    let settings = work.settings;
    tracing::info!("Applying migration '{name}'");
    match Scope::of_migration(name) {
        Some(scope) => {
            converge(&work, scope, Refusal::OfEverything).await?;
        }
        None => run(migration, Direction::Up, work, record).await?,
    }
    records::insert(record, settings, name).await?;
    records::require(record, settings, name, true).await?;
    tracing::info!("Migration '{name}' has been applied");
    Ok(())
}

impl Task for RollBackNext {
    type Output = Progress;

    async fn run(&self, turn: &Turn<'_>) -> Result<Progress, Error> {
        let settings = turn.settings();
        let db = turn.record();
        let Some(migration) = records::last_applied(&db, settings).await? else {
            return Ok(Progress::NothingLeft);
        };
        let name = migration.name();
        tracing::info!("Rolling back migration '{name}'");
        records::require_deletable(&turn.work(), name).await?;
        match Scope::of_migration(name) {
            // The record goes with what it is of.
            Some(Scope::Documents) if self.own_documents == OwnDocuments::Keep => {
                records::delete(&db, settings, name).await?;
            }
            Some(scope) => {
                if scope == Scope::Vectors {
                    announce_drop(&turn.work()).await;
                }
                converge::roll_back(&turn.work(), scope, Record::Ours(name)).await?;
            }
            None => {
                run(migration.as_ref(), Direction::Down, turn.work(), &db).await?;
                records::delete(&db, settings, name).await?;
            }
        }
        // Another node of Galera may have applied it again.
        if turn.record().get_database_backend() != DbBackend::MySql {
            records::require(&db, settings, name, false).await?;
        }
        tracing::info!("Migration '{name}' has been rolled back");
        Ok(Progress::Made(name.to_owned()))
    }
}

impl Task for Uninstall {
    type Output = ();

    async fn run(&self, turn: &Turn<'_>) -> Result<(), Error> {
        let settings = turn.settings();
        let db = turn.record();
        match records::last_applied(&db, settings).await? {
            Some(_) => Ok(()),
            None => {
                tracing::info!("drops the table of migrations");
                let drop = settings.records.drop(db.get_database_backend());
                Ok(db.execute_unprepared(&drop).await.map(|_| ())?)
            }
        }
    }
}

/// At a MySQL catalog, before it is believed that something is another's.
const LOOKS: u32 = 3;

impl Task for Fresh {
    type Output = ();

    async fn run(&self, turn: &Turn<'_>) -> Result<(), Error> {
        let db = turn.record();
        let settings = turn.settings();
        let mut looks: u32 = 1;
        let (live, mut relations, documents) = loop {
            let live = live::read(&db, settings).await?;
            let relations = live::relations(&db).await?;
            let documents = own_documents::are_ours(&db, &live).await?;
            let own = self
                .require_own(&db, settings, &live, &relations, documents)
                .await;
            match own {
                Ok(()) => break (live, relations, documents),
                // Its catalog has no snapshot: what another node of Galera has just made may be in one answer
                // and not in another.
                Err(Error::TablesOfOthers { .. })
                    if db.get_database_backend() == DbBackend::MySql && looks < LOOKS =>
                {
                    looks += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let settings = &remaking_documents(settings, &live, documents)?;
        if !relations.is_empty() && !self.is_announced.swap(true, Relaxed) {
            let mut names: Vec<&str> = relations.iter().map(|one| one.name.as_str()).collect();
            names.sort_unstable();
            tracing::info!("drops, with all their rows: {}", names.join(", "));
        }
        // Where each statement commits, a crash leaves no record of what is gone.
        let backend = db.get_database_backend();
        let case = case_of(&db, settings, &relations).await?;
        relations.sort_by_key(|relation| !settings.records.is_called(case, &relation.name));
        run::within(&db, &step::drop_all(backend, &relations)).await?;
        install(&db, settings).await?;
        for migration in (settings.migrations)() {
            let work = match backend {
                // Each statement has committed.
                DbBackend::MySql => turn.work(),
                _ => turn.within(),
            };
            apply(migration.as_ref(), work.with(settings), &db).await?;
        }
        Ok(())
    }
}

impl Fresh {
    async fn require_own(
        &self,
        db: &impl ConnectionTrait,
        settings: &Settings,
        live: &Live,
        relations: &[Relation],
        are_documents_ours: bool,
    ) -> Result<(), Error> {
        let place = || live.place.clone();
        let referrers = live::referrers_elsewhere(db).await?;
        if !referrers.is_empty() {
            return Err(Error::ReferredTo {
                place: place(),
                tables: referrers,
            });
        }
        if self.may_drop_all_of.as_ref() == Some(&live.place.database) {
            return Ok(());
        }
        let made = records::made(db, settings).await?;
        let case = case_of(db, settings, relations).await?;
        let is_own = |relation: &&Relation| match relation.name.as_str() {
            VECTORS => made.contains(&Scope::Vectors),
            DOCUMENTS => are_documents_ours,
            name => settings.records.is_called(case, name),
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
                place: place(),
                tables: others,
            }),
        }
    }
}

async fn case_of(
    db: &impl ConnectionTrait,
    settings: &Settings,
    relations: &[Relation],
) -> Result<live::Case, Error> {
    let names = relations.iter().map(|relation| relation.name.as_str());
    live::case_of_tables(db, settings.records.name(), names).await
}

/// A `documents` of our own is made again where it was. Another's is not replaced by one: where there would
/// be none afterwards, nothing is dropped.
fn remaking_documents(
    settings: &Settings,
    live: &Live,
    are_documents_ours: bool,
) -> Result<Settings, Error> {
    let mut settings = settings.clone();
    if are_documents_ours {
        settings.create_documents = CreateDocuments::Anywhere;
    }
    let may_create = settings.create_documents.allows(live.backend, &live.place);
    match may_create || records::others_come_first(&settings) {
        true => Ok(settings),
        false => Err(Error::Refused {
            place: live.place.clone(),
            reasons: vec![format!(
                "after fresh there would be no table documents: {DOCUMENTS_ARE_NOT_OURS}"
            )],
            done: 0,
        }),
    }
}

/// Says what goes with the table. Whoever may drop it may perhaps not count its rows.
async fn announce_drop(session: &Session<'_>) {
    let rows = async {
        let unit = session.begin_to_read().await?;
        let db = unit.db();
        let settings = step::brief_look(session.backend());
        let rows = run::with(&db, settings, rows::how_many(&db)).await;
        unit.rollback().await?;
        rows
    };
    match rows.await {
        Ok(rows) => tracing::info!("drops the table vectors with its {rows}"),
        Err(_) => tracing::info!("drops the table vectors with its rows, if there is one"),
    }
}

impl Task for Converge {
    type Output = ();

    async fn run(&self, turn: &Turn<'_>) -> Result<(), Error> {
        converge(&turn.work(), self.scope, Refusal::OfEverything)
            .await
            .map(|_| ())
    }
}

impl Task for RollBack {
    type Output = ();

    async fn run(&self, turn: &Turn<'_>) -> Result<(), Error> {
        converge::roll_back(&turn.work(), self.scope, Record::Callers).await
    }
}

impl Task for Repair<'_> {
    type Output = Repaired;

    async fn run(&self, turn: &Turn<'_>) -> Result<Repaired, Error> {
        let session = turn.work();
        let handed_over = || self.handover.as_ref().map_or(0, Handover::rows);
        let mut steps = Vec::new();
        loop {
            let at_first = handed_over();
            let kept = match &self.handover {
                Some(handover) => delete_orphans(&session, handover).await?,
                None => None,
            };
            let converged = converge(&session, Scope::Everything, Refusal::OfItself).await?;
            let is_progress = !converged.done.is_empty() || handed_over() > at_first;
            steps.extend(converged.done);
            // Some can only be deleted when the table is where it should be.
            let may_delete_more =
                self.handover.is_some() && kept.is_none() && converged.look.has_deletable_orphans();
            if may_delete_more && is_progress {
                continue;
            }
            let failed = converged.failed.into_iter().map(|step| step.error);
            return Ok(Repaired {
                steps,
                failed: kept.into_iter().chain(failed).collect(),
                deleted_orphans: handed_over(),
                report: Report::of(converged.look),
            });
        }
    }
    fn take_back(&self) -> Result<(), Error> {
        self.handover.as_ref().map_or(Ok(()), Handover::roll_back)
    }
}

/// What kept them from being deleted, where that is no reason to stop.
async fn delete_orphans(
    session: &Session<'_>,
    handover: &Handover<'_>,
) -> Result<Option<Error>, Error> {
    match converge::delete_orphans(session, handover).await {
        Ok(()) => Ok(None),
        Err(error @ Error::OrphansKept { .. }) => Ok(Some(error)),
        Err(Error::Step { statements, source }) if !is_lost_race(&source) => {
            Ok(Some(Error::Step { statements, source }))
        }
        Err(error) => Err(error),
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// Runs an external migration, in a transaction where SeaORM runs it in one.
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
    let backend = record.get_database_backend();
    let in_transaction = migration
        .use_transaction()
        .unwrap_or(backend == DbBackend::Postgres);
    match (in_transaction, backend) {
        (false, DbBackend::Postgres) => {
            require_schema(&work).await?;
            step(migration, direction, &SchemaManager::new(work.db)).await
        }
        (false, _) => step(migration, direction, &SchemaManager::new(work.db)).await,
        // The lock's transaction would end with its first DDL statement.
        (true, DbBackend::MySql) => match &work.db {
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

/// Outside a transaction no schema can be set for a migration alone: the pool's connections must be in it.
async fn require_schema(work: &Session<'_>) -> Result<(), DbErr> {
    let Some(schema) = &work.settings.schema else {
        return Ok(());
    };
    // What the connections themselves say, asked in a transaction as PgBouncer requires.
    let settings = Settings {
        schema: None,
        ..work.settings.clone()
    };
    let pool = Session::new(reborrow(&work.db), &settings);
    let unit = pool.begin_to_read().await?;
    let current = "SELECT coalesce(current_schema(), '')::text";
    let current: Result<Vec<String>, DbErr> = live::list(&unit.db(), current, []).await;
    unit.rollback().await?;
    match current?.first() == Some(schema) {
        true => Ok(()),
        false => Err(DbErr::Migration(format!(
            "it runs outside a transaction, where nothing sets the schema {schema:?}: say it where the pool is opened, \
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

async fn install(db: &SchemaManagerConnection<'_>, settings: &Settings) -> Result<(), DbErr> {
    let create = settings.records.create(db.get_database_backend());
    db.execute_unprepared(&create).await.map(|_| ())
}
