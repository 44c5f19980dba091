//! What is done in one turn.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{
    MigrationTrait, MigratorTrait, SchemaManager, SchemaManagerConnection, async_trait,
};

use super::{preview, records};
use crate::{
    Error, Migrator,
    error::is_lost_race,
    lock::Turn,
    orphans::Handover,
    schema::{
        converge::{self, Refusal, converge},
        declared::{DOCUMENTS, VECTORS, create_documents},
        difference::Scope,
        live::{self, ColumnKind, Live, Relation},
        report::Report,
        rows, run,
        step::{self, Freedom},
    },
    session::Session,
    shape::Repaired,
};

pub(super) trait Task: Sync {
    type Output: Send;

    fn run(&self, turn: &Turn<'_>) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// Whether there was a migration left to apply or to roll back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Made,
    NothingLeft,
}

pub(super) struct ApplyNext;
/// Nothing is rolled back where something later would be refused.
pub(super) struct MayRollBack {
    pub(super) steps: Option<u32>,
}
pub(super) struct RollBackNext;
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
    pub(super) migration: String,
}
pub(super) struct Repair<'s> {
    /// Where orphans are to be deleted.
    pub(super) handover: Option<Handover<'s>>,
}

impl Task for ApplyNext {
    type Output = Progress;

    async fn run(&self, turn: &Turn<'_>) -> Result<Progress, Error> {
        // Another turn may have dropped the table since the last one of ours.
        if !records::is_installed(&turn.record()).await? {
            install(&turn.record()).await?;
        }
        let Some(migration) = records::next_pending(&turn.record()).await? else {
            if turn.record().get_database_backend() == DbBackend::MySql {
                // Another node of Galera may have dropped the table since it was looked at.
                converge(&turn.work(), Scope::Everything, Refusal::OfEverything).await?;
            }
            return Ok(Progress::NothingLeft);
        };
        let name = migration.name();
        tracing::info!("Applying migration '{name}'");
        match Scope::of_migration(name) {
            Some(scope) => {
                converge(&turn.work(), scope, Refusal::OfEverything).await?;
            }
            None => run(turn, migration.as_ref(), Direction::Up).await?,
        }
        records::insert(&turn.record(), name).await?;
        records::require(&turn.record(), name, true).await?;
        tracing::info!("Migration '{name}' has been applied");
        Ok(Progress::Made)
    }
}

impl Task for MayRollBack {
    type Output = ();

    async fn run(&self, turn: &Turn<'_>) -> Result<(), Error> {
        preview::down(&turn.work(), self.steps).await.map(|_| ())
    }
}

impl Task for RollBackNext {
    type Output = Progress;

    async fn run(&self, turn: &Turn<'_>) -> Result<Progress, Error> {
        let Some(migration) = records::last_applied(&turn.record()).await? else {
            return Ok(Progress::NothingLeft);
        };
        let name = migration.name();
        tracing::info!("Rolling back migration '{name}'");
        records::require_deletable(&turn.work(), name).await?;
        match Scope::of_migration(name) {
            // The record goes with what it is of.
            Some(scope @ (Scope::Vectors | Scope::Everything)) => {
                if scope == Scope::Vectors {
                    announce_drop(&turn.work()).await;
                }
                converge::roll_back(&turn.work(), scope, name).await?;
            }
            Some(Scope::Documents) => records::delete(&turn.record(), name).await?,
            None => {
                run(turn, migration.as_ref(), Direction::Down).await?;
                records::delete(&turn.record(), name).await?;
            }
        }
        // Another node of Galera may have applied it again.
        if turn.record().get_database_backend() != DbBackend::MySql {
            records::require(&turn.record(), name, false).await?;
        }
        tracing::info!("Migration '{name}' has been rolled back");
        Ok(Progress::Made)
    }
}

impl Task for Uninstall {
    type Output = ();

    async fn run(&self, turn: &Turn<'_>) -> Result<(), Error> {
        match records::last_applied(&turn.record()).await? {
            Some(_) => Ok(()),
            None => {
                tracing::info!("drops the table of migrations");
                Ok(Stock::uninstall(turn.record()).await?)
            }
        }
    }
}

impl Task for Fresh {
    type Output = ();

    async fn run(&self, turn: &Turn<'_>) -> Result<(), Error> {
        let db = turn.record();
        let live = live::read(&db).await?;
        let mut relations = live::relations(&db).await?;
        self.require_own(&db, &live, &relations).await?;
        if !relations.is_empty() && !self.is_announced.swap(true, Relaxed) {
            let mut names: Vec<&str> = relations.iter().map(|one| one.name.as_str()).collect();
            names.sort_unstable();
            tracing::info!("drops, with all their rows: {}", names.join(", "));
        }
        // Where each statement commits, a crash leaves no record of what is gone.
        let records = Migrator::migration_table_name().to_string();
        relations.sort_by_key(|relation| relation.name != records);
        let backend = db.get_database_backend();
        run::within(&db, &step::drop_all(backend, &relations)).await?;
        if live.documents.is_some() {
            // Beside another schema's tables `up` takes a missing one for the application's, and refuses.
            db.execute(&create_documents(backend)).await?;
        }
        install(&db).await?;
        Ok(Stock::up(db, None).await?)
    }
}

impl Fresh {
    async fn require_own(
        &self,
        db: &impl ConnectionTrait,
        live: &Live,
        relations: &[Relation],
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
        let made = records::made(db).await?;
        let documents = live
            .documents
            .as_ref()
            .filter(|table| is_as_we_make_it(table));
        let are_documents_ours = match documents {
            None => false,
            Some(_) => made.contains(&Scope::Documents) || rows::is_empty(db, DOCUMENTS).await?,
        };
        let is_own = |relation: &&Relation| match relation.name.as_str() {
            VECTORS => made.contains(&Scope::Vectors),
            DOCUMENTS => are_documents_ours,
            name => name == Migrator::migration_table_name().to_string(),
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

/// The application's has columns of its own.
fn is_as_we_make_it(documents: &live::Table) -> bool {
    let id = documents.column("id");
    documents.kind == live::Kind::Table
        && documents.columns.len() == 1
        && id.is_some_and(|id| id.kind == ColumnKind::INTEGER)
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
        converge::roll_back(&turn.work(), self.scope, &self.migration).await
    }
}

impl Task for Repair<'_> {
    type Output = Repaired;

    async fn run(&self, turn: &Turn<'_>) -> Result<Repaired, Error> {
        let session = turn.work();
        let handed_over = || self.handover.as_ref().map_or(0, Handover::rows);
        let before = handed_over();
        let mut steps = Vec::new();
        loop {
            let at_first = handed_over();
            let kept = match &self.handover {
                Some(handover) => delete_orphans(&session, handover, before).await?,
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
}

/// What kept them from being deleted, where that is no reason to stop.
async fn delete_orphans(
    session: &Session<'_>,
    handover: &Handover<'_>,
    before: u64,
) -> Result<Option<Error>, Error> {
    let error = match converge::delete_orphans(session, handover).await {
        Ok(()) => return Ok(None),
        Err(error) => error,
    };
    match error {
        Error::OrphansKept { .. } => Ok(Some(error)),
        Error::Step { ref source, .. } if !is_lost_race(source) => Ok(Some(error)),
        error => {
            if session.freedom() == Freedom::InTransaction {
                // All of it is rolled back together.
                handover
                    .withdraw_to(before)
                    .map_err(|source| Error::OrphansNotStored { source })?;
            }
            Err(error)
        }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// A migration of another author, in a transaction where SeaORM runs it in one.
async fn run(
    turn: &Turn<'_>,
    migration: &dyn MigrationTrait,
    direction: Direction,
) -> Result<(), DbErr> {
    let backend = turn.record().get_database_backend();
    let in_transaction = migration
        .use_transaction()
        .unwrap_or(backend == DbBackend::Postgres);
    match (in_transaction, backend) {
        (false, _) => step(migration, direction, &SchemaManager::new(turn.work().db)).await,
        // The lock's transaction would end with its first DDL statement.
        (true, DbBackend::MySql) => {
            let manager = SchemaManager::new(turn.work().db).begin().await?;
            step(migration, direction, &manager).await?;
            manager.commit().await
        }
        (true, _) => step(migration, direction, &SchemaManager::new(turn.record())).await,
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

/// SeaORM names no storage engine, and what is no transaction's cannot be taken back with it.
async fn install(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::MySql {
        return Stock::install(db).await;
    }
    let set = "SET @colpali_engine = @@SESSION.default_storage_engine, SESSION default_storage_engine = 'InnoDB'";
    let restore = "SET SESSION default_storage_engine = @colpali_engine";
    db.execute_unprepared(set).await?;
    let installed = Stock::install(db).await;
    db.execute_unprepared(restore).await?;
    installed
}

/// SeaORM's own way, which takes no lock.
struct Stock;

#[async_trait::async_trait]
impl MigratorTrait for Stock {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Migrator::migrations()
    }
}
