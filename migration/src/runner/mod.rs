//! Runs migrations, checks and repairs, one runner at a time on one database and schema.

mod alembic;
mod caller;
mod drift;
mod extent;
mod plan;
mod preview;
mod record_form;
mod records;
mod repaired;
mod settings;
mod status;
mod tasks;
mod waiting;

pub use extent::Extent;
pub use plan::{Found, Plan, PlannedMigration};
pub use preview::Preview;
pub use records::MigrationRecord;
pub use repaired::Repaired;
pub use status::Status;

use std::{fmt, marker::PhantomData, sync::atomic::AtomicBool, time::Duration};

use futures_timer::Delay;
use sea_orm_migration::{IntoSchemaManagerConnection, MigratorTrait, SchemaManagerConnection};

use converge::{
    AtWork, BETWEEN_TRIES, End, Handover, MigrationLock, Wait, is_in_use, is_rolled_back,
    session::{Session, Statements, reborrow},
};

#[cfg(feature = "cli")]
use crate::Location;
use crate::{
    CreateDocuments, Migrator, Orphans, Report,
    error::{self, Error},
    record_table::RecordTable,
    versions::{self, Compared},
};
use caller::Caller;
pub(crate) use extent::Range;
use record_form::Use;
pub(crate) use settings::Settings;
use tasks::{
    ApplyNext, Converge, Drift, FindDrift, Fresh, MayRollBack, OwnDocuments, Progress, Repair,
    Repeated, RollBack, RollBackNext, Task, Uninstall, report_done,
};

/// Runs the migrations, and waits while another runner works on the same database and schema.
///
/// The methods of [`Migrator`](crate::Migrator), [`check`](crate::check) and
/// [`repair`](crate::repair) are those of [`Runner::new`]. Only one method changes a database at a
/// time, even across processes and, on PostgreSQL, through PgBouncer. What another runner has done
/// is not done again.
///
/// If the pool has a second connection, steps that need not block readers and writers do not block
/// them. If it has only one, PostgreSQL does everything in one transaction. In a caller's
/// transaction everything belongs to that transaction, which keeps the migration lock until it
/// ends.
///
/// Limit the time with [`lock_wait`](Self::lock_wait) instead of dropping the future: on MySQL, a
/// connection of the pool would keep the lock and the settings that a step has made for its
/// session.
///
/// ```no_run
/// # async fn example(db: &sea_orm::DatabaseConnection) -> Result<(), migration::Error> {
/// use std::time::Duration;
///
/// migration::Runner::new()
///     .lock_wait(Duration::from_secs(5))
///     .up(db, None)
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// An application's own list runs in the same way, with these migrations in it or without:
///
/// ```no_run
/// use migration::{MigratorTrait, Runner};
/// # use sea_orm_migration::{MigrationTrait, async_trait};
///
/// struct AppMigrator;
///
/// #[async_trait::async_trait]
/// impl MigratorTrait for AppMigrator {
///     fn migrations() -> Vec<Box<dyn MigrationTrait>> {
///         let mut all: Vec<Box<dyn MigrationTrait>> = vec![/* those that make `documents` */];
///         all.extend(migration::Migrator::migrations());
///         all
///     }
/// }
///
/// # async fn example(db: &sea_orm::DatabaseConnection) -> Result<(), migration::Error> {
/// Runner::<AppMigrator>::default().up(db, None).await
/// # }
/// ```
pub struct Runner<M = Migrator> {
    settings: Settings,
    /// The migrator is not stored: the settings contain its list and its table.
    migrator: PhantomData<fn() -> M>,
}

impl Runner {
    /// The variable by which the command line gets the database of [`Self::fresh_may_drop_all_of`].
    pub const MAY_DROP_ALL: &str = error::MAY_DROP_ALL;

    /// The variable by which the command line gets the database of [`CreateDocuments::In`].
    pub const CREATE_DOCUMENTS_IN: &str = "MIGRATION_CREATE_DOCUMENTS_IN";

    /// Returns a runner of [`Migrator`] that waits up to a minute and works in the connection's own
    /// schema.
    ///
    /// `Runner::<AppMigrator>::default()` returns the same for another migrator.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<M: MigratorTrait> Default for Runner<M> {
    fn default() -> Self {
        Self {
            settings: Settings::new(
                M::migrations,
                RecordTable::new(M::migration_table_name().to_string()),
            ),
            migrator: PhantomData,
        }
    }
}

impl<M> Clone for Runner<M> {
    fn clone(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            migrator: PhantomData,
        }
    }
}

impl<M> fmt::Debug for Runner<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, .. } = self;
        f.debug_struct("Runner")
            .field("settings", settings)
            .finish()
    }
}

impl<M> Runner<M> {
    /// Sets how long to wait for another runner, for a session that uses a table, and on PostgreSQL
    /// for a synchronous standby to confirm a COMMIT.
    #[must_use]
    pub fn lock_wait(mut self, wait: Duration) -> Self {
        self.settings.engine.lock_wait = wait;
        self
    }

    /// Sets how large a table may be that [`up`](Self::up) and [`repair`](Self::repair) copy or
    /// rewrite, in bytes. The default is 1 GiB. For a larger table they return
    /// [`RewriteTooLarge`](crate::ConvergeError::RewriteTooLarge) before they change anything:
    /// readers, writers or both would have to wait, and the disk has to hold the table twice.
    ///
    /// The size is measured on PostgreSQL (the table without its indexes), estimated by MySQL and
    /// MariaDB, and that of the whole file on SQLite. Building an index only reads the table, and
    /// has no limit.
    ///
    /// ```no_run
    /// let runner = migration::Runner::new().max_rewrite(10_000_000_000);
    /// # let _ = runner;
    /// ```
    #[must_use]
    pub fn max_rewrite(mut self, bytes: u64) -> Self {
        self.settings.engine.max_rewrite = bytes;
        self
    }

    /// Sets the schema of PostgreSQL to work in. Each transaction sets it again, as PgBouncer
    /// requires.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.settings.engine.schema = Some(schema.into());
        self
    }

    /// Sets the name of the table that records which migrations are applied. The default is the
    /// migrator's, usually `seaql_migrations`. Two migrators with different lists cannot share one
    /// table.
    #[must_use]
    pub fn migration_table(mut self, name: impl Into<String>) -> Self {
        self.settings.set_records(RecordTable::new(name));
        self
    }

    /// Sets where a missing `documents` may be created. The default is nowhere.
    ///
    /// [`down`](Self::down) and [`reset`](Self::reset) drop such a table again if it still has one
    /// column and no rows, and no other table refers to it.
    #[must_use]
    pub fn create_documents(mut self, create: CreateDocuments) -> Self {
        self.settings.engine.create_required = create;
        self
    }

    /// Sets the next step of an error about a missing `documents`.
    #[cfg(feature = "cli")]
    pub(crate) fn creation_hint(mut self, hint: &'static str) -> Self {
        self.settings.engine.creation_hint = hint;
        self
    }

    /// Adapts to a pooler of PostgreSQL in transaction mode that does not support prepared
    /// statements, such as PgBouncer before 1.21.
    ///
    /// The pool must have been opened with `statement-cache-capacity=0` in its URL, because each
    /// transaction begins by deallocating what is prepared on its connection. PgBouncer also
    /// refuses sqlx's `extra_float_digits`, unless PgBouncer is configured to ignore it or the pool
    /// not to send it.
    #[must_use]
    pub fn behind_pooler(mut self) -> Self {
        self.settings.engine.statements = Statements::OfOthers;
        self
    }

    /// Allows [`fresh`](Self::fresh) to drop tables that these migrations did not create, in the
    /// database of this name (SQLite: the file, as in
    /// [`Location::database`](crate::Location::database)) and in no other.
    #[must_use]
    pub fn fresh_may_drop_all_of(mut self, database: impl Into<String>) -> Self {
        self.settings.may_drop_all_of = Some(database.into());
        self
    }

    /// Applies pending migrations: all (`None`), this many (`Some`), or up to one ([`Extent::To`]).
    ///
    /// If no migration of the list is pending and the tables are not as declared, it logs a warning
    /// and changes nothing. [`repair`](Self::repair) fixes that.
    ///
    /// # Errors
    ///
    /// - [`Locked`](crate::ConvergeError::Locked) if another runner works for longer than
    ///   [`lock_wait`](Self::lock_wait), and [`InUse`](crate::ConvergeError::InUse) if another
    ///   session uses a table for longer.
    /// - [`RewriteTooLarge`](crate::ConvergeError::RewriteTooLarge), [`Error::NoSuchMigration`] and
    ///   [`Error::AmbiguousMigration`]; these change nothing.
    /// - The errors of the migrations. Completed steps are kept, and the next call goes on after
    ///   them.
    pub async fn up<'c, C>(&self, db: C, extent: impl Into<Extent>) -> Result<(), Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        match self.up_or_drifted(db, extent.into()).await {
            Err(error @ Error::Drifted { .. }) => {
                tracing::warn!("{error}");
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Applies pending migrations as [`up`](Self::up) does.
    ///
    /// # Errors
    ///
    /// Those of [`up`](Self::up), and [`Error::Drifted`] if none is pending and the tables are not
    /// as declared.
    pub(crate) async fn up_or_drifted<'c, C>(&self, db: C, extent: Extent) -> Result<(), Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let caller = Caller::of(db);
        let range = self.settings.range(extent)?;
        match (range.end(), range.count()) {
            (Some(end), _) => tracing::info!("Applying all pending migrations up to '{end}'"),
            (None, Some(0)) => {
                tracing::info!("Nothing was applied: 0 migrations were asked for");
                return Ok(());
            }
            (None, Some(1)) => tracing::info!("Applying 1 pending migration"),
            (None, Some(count)) => tracing::info!("Applying {count} pending migrations"),
            (None, None) => tracing::info!("Applying all pending migrations"),
        }
        if let Pending::Some = self.pending(&caller).await? {
            let next = ApplyNext::of(range.clone());
            if self.go_on(&caller, &next, range.count()).await? != Progress::NothingLeft {
                return Ok(());
            }
            // The tables are as declared once the whole list is applied.
            if range.down().is_empty() || range.end().is_none() {
                self.require_as_declared(&caller.db).await?;
            }
        }
        match range.end() {
            Some(end) => tracing::info!("No pending migrations up to '{end}'"),
            None => tracing::info!("No pending migrations"),
        }
        Ok(())
    }

    /// Finds out without the migration lock whether there is anything to do. When a service starts,
    /// there mostly is not.
    async fn pending(&self, caller: &Caller<'_>) -> Result<Pending, Error> {
        let session = Session::new(reborrow(&caller.db), &self.settings.engine);
        if !records::are_complete(&session, &self.settings).await {
            return Ok(Pending::Some);
        }
        if !drift::is_suspected(&session, &self.settings).await {
            return Ok(Pending::None);
        }
        // Another runner may be working. On some engines its tables and its records do not change
        // at the same moment.
        match self.under_lock(caller, &FindDrift).await {
            Ok(Drift::None) => Ok(Pending::None),
            Ok(Drift::Some(report)) => Err(Error::Drifted { report }),
            Ok(Drift::NotComplete) => Ok(Pending::Some),
            // The runner that works may be about to change what differs.
            Err(
                error @ Error::Converge(
                    converge::Error::Locked { .. } | converge::Error::InUse { .. },
                ),
            ) => Err(error),
            // A read-only server grants no lock.
            Err(_) => {
                let as_declared = self.require_as_declared(&caller.db).await;
                as_declared.map(|()| Pending::None)
            }
        }
    }

    /// Requires that the tables are as declared if every migration is recorded as applied.
    ///
    /// # Errors
    ///
    /// [`Error::Drifted`] if they are not.
    #[cfg(feature = "cli")]
    pub(crate) async fn require_no_drift<'c, C>(&self, db: C) -> Result<(), Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let db = db.into_database_executor();
        let session = Session::new(reborrow(&db), &self.settings.engine);
        match records::are_complete(&session, &self.settings).await {
            true => self.require_as_declared(&db).await,
            false => Ok(()),
        }
    }

    async fn require_as_declared(&self, db: &SchemaManagerConnection<'_>) -> Result<(), Error> {
        let session = Session::new(reborrow(db), &self.settings.engine);
        if !drift::is_suspected(&session, &self.settings).await {
            return Ok(());
        }
        match drift::find(&session, &self.settings).await {
            Ok(Some(report)) => Err(Error::Drifted { report }),
            Ok(None) => Ok(()),
            // For example, a role that may read no rows. There is nothing to apply.
            Err(error) => {
                tracing::warn!(
                    "the tables seem not to be as declared, and cannot be compared: {error}"
                );
                Ok(())
            }
        }
    }

    /// Rolls back applied migrations, the last first: all (`None`), this many (`Some`), or those
    /// after one ([`Extent::To`]).
    ///
    /// # Errors
    ///
    /// - Those of [`up`](Self::up).
    /// - [`ReferredTo`](crate::ConvergeError::ReferredTo) if another table refers to a `vectors`
    ///   that would be dropped, and [`NotRolledBack`](crate::ConvergeError::NotRolledBack) if a view
    ///   or another object uses it. Nothing is rolled back then.
    pub async fn down<'c, C>(&self, db: C, extent: impl Into<Extent>) -> Result<(), Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let range = self.settings.range(extent.into())?;
        let caller = Caller::of(db);
        self.roll_back(&caller, &range, OwnDocuments::Drop, Use::Names)
            .await
    }

    /// Rolls back all applied migrations and applies them again.
    ///
    /// # Errors
    ///
    /// Those of [`up`](Self::up) and [`down`](Self::down).
    pub async fn refresh<'c, C>(&self, db: C) -> Result<(), Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let caller = Caller::of(db);
        let all = self.settings.range(Extent::All)?;
        self.roll_back(&caller, &all, OwnDocuments::Keep, Use::Insert)
            .await?;
        let next = ApplyNext::of(all);
        self.go_on(&caller, &next, None).await.map(|_| ())
    }

    /// Rolls back all applied migrations and drops the table that records them.
    ///
    /// # Errors
    ///
    /// Those of [`down`](Self::down).
    pub async fn reset<'c, C>(&self, db: C) -> Result<(), Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let caller = Caller::of(db);
        let all = self.settings.range(Extent::All)?;
        // A table of another form was not created by a migrator, so it is not dropped.
        self.roll_back(&caller, &all, OwnDocuments::Drop, Use::Insert)
            .await?;
        self.under_lock(&caller, &Uninstall).await
    }

    /// Drops every table of the database (PostgreSQL: of the schema) and applies all migrations.
    ///
    /// # Errors
    ///
    /// - [`Error::TablesOfOthers`] if there are tables or views that these migrations did not
    ///   create, unless [`fresh_may_drop_all_of`](Self::fresh_may_drop_all_of) names this database.
    /// - [`ReferredTo`](crate::ConvergeError::ReferredTo) if another database's tables refer to
    ///   these.
    /// - Those of [`up`](Self::up).
    pub async fn fresh<'c, C>(&self, db: C) -> Result<(), Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let caller = Caller::of(db);
        let may_drop_all_of = self.settings.may_drop_all_of.clone();
        let fresh = Fresh {
            may_drop_all_of,
            is_announced: AtomicBool::new(false),
        };
        self.under_lock(&caller, &fresh).await
    }

    /// Returns what [`up`](Self::up) would run on this database, without changing anything.
    ///
    /// # Errors
    ///
    /// - [`Refused`](crate::ConvergeError::Refused) if `up` would refuse.
    /// - [`Lookup`](crate::ConvergeError::Lookup) if the shape cannot be read.
    pub async fn preview_up<'c, C>(
        &self,
        db: C,
        extent: impl Into<Extent>,
    ) -> Result<Vec<Preview>, Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let range = self.settings.range(extent.into())?;
        let session = Session::new(db.into_database_executor(), &self.settings.engine);
        let mut wait = Wait::begin();
        loop {
            match preview::up(&session, &self.settings, &range).await {
                Err(error) => waiting::again(&mut wait, &session, &self.settings, error).await?,
                previews => return previews,
            }
        }
    }

    /// Returns the plan of [`up`](Self::up) on this database, without changing anything, to be
    /// reviewed before [`up_as_planned`](Self::up_as_planned).
    ///
    /// # Errors
    ///
    /// Those of [`preview_up`](Self::preview_up).
    ///
    /// ```no_run
    /// # async fn example(db: &sea_orm::DatabaseConnection) -> Result<(), migration::Error> {
    /// let runner = migration::Runner::new();
    /// let plan = runner.plan_up(db, None).await?;
    /// for statement in plan.migrations.iter().flat_map(|one| one.statements.iter().flatten()) {
    ///     println!("{statement}");
    /// }
    /// runner.up_as_planned(db, &plan).await
    /// # }
    /// ```
    pub async fn plan_up<'c, C>(&self, db: C, extent: impl Into<Extent>) -> Result<Plan, Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let db = db.into_database_executor();
        let extent = extent.into();
        let previews = self.preview_up(reborrow(&db), extent.clone()).await?;
        self.plan_of(db, extent, previews).await
    }

    /// Returns the plan of what was previewed on this database.
    pub(crate) async fn plan_of<'c, C>(
        &self,
        db: C,
        extent: Extent,
        previews: Vec<Preview>,
    ) -> Result<Plan, Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let session = Session::new(db.into_database_executor(), &self.settings.engine);
        plan::of(&session, &self.settings, extent, previews).await
    }

    /// Requires that an inspection of this database still gives the same plan.
    #[cfg(feature = "cli")]
    pub(crate) async fn require_plan<'c, C>(
        &self,
        db: C,
        plan: &Plan,
        location: Location,
    ) -> Result<(), Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let session = Session::new(db.into_database_executor(), &self.settings.engine);
        plan::require(&session, &self.settings, plan, location).await
    }

    /// Applies the migrations of a plan if an inspection still gives the same plan. It runs only
    /// steps of the plan; on MySQL and MariaDB also another spelling of a step that fixes the same
    /// difference.
    ///
    /// # Errors
    ///
    /// - [`Error::PlanDiffers`] if an inspection gives another plan, for example because a
    ///   migration of the plan has been applied. Nothing is changed then.
    /// - [`Unplanned`](crate::ConvergeError::Unplanned) if the tables change while the plan is
    ///   applied.
    /// - Those of [`up`](Self::up).
    pub async fn up_as_planned<'c, C>(&self, db: C, plan: &Plan) -> Result<(), Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let caller = Caller::of(db);
        match plan.migrations.len() {
            0 => tracing::info!("Applying a plan of no migrations"),
            1 => tracing::info!("Applying a plan of 1 migration"),
            count => tracing::info!("Applying a plan of {count} migrations"),
        }
        let next = ApplyNext::as_planned(plan);
        if self.go_on(&caller, &next, None).await? == Progress::NothingLeft {
            self.require_as_declared(&caller.db).await?;
            if plan.extent == Extent::All {
                tracing::info!("No pending migrations");
            }
        }
        Ok(())
    }

    /// Returns what [`down`](Self::down) would run on this database, without changing anything.
    ///
    /// # Errors
    ///
    /// [`Lookup`](crate::ConvergeError::Lookup) if the shape cannot be read.
    pub async fn preview_down<'c, C>(
        &self,
        db: C,
        extent: impl Into<Extent>,
    ) -> Result<Vec<Preview>, Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let range = self.settings.range(extent.into())?;
        let session = Session::new(db.into_database_executor(), &self.settings.engine);
        let mut wait = Wait::begin();
        loop {
            match preview::down(&session, &self.settings, &range).await {
                Err(error) => waiting::again(&mut wait, &session, &self.settings, error).await?,
                previews => return previews,
            }
        }
    }

    /// Returns when each migration was applied, whether the tables have the declared shape, and
    /// what Alembic records. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Migration`] if the records cannot be read.
    pub async fn status<'c, C>(&self, db: C) -> Result<Status, Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let db = db.into_database_executor();
        let session = Session::new(reborrow(&db), &self.settings.engine);
        // Where the records are locked, the comparison would wait for them once more.
        let migrations = status::records(&session, &self.settings).await?;
        let shape = self.check(reborrow(&db)).await;
        status::read(&session, migrations, shape).await
    }

    /// Compares the current shape with the declared one and changes nothing: see
    /// [`check`](crate::check).
    ///
    /// # Errors
    ///
    /// [`Lookup`](crate::ConvergeError::Lookup) if the catalog cannot be read. What this role may
    /// not see is [unknown](Report::unknown), which is not an error.
    pub async fn check<'c, C>(&self, db: C) -> Result<Report, Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let session = Session::new(db.into_database_executor(), &self.settings.engine);
        // This sees a runner that ends during the inspection; the question afterwards sees one that
        // begins.
        let before = converge::at_work(&session).await;
        let Compared { shape, pending } = self.compared(&session).await?;
        let mut report = converge::check(&session, &shape).await?;
        report.pending = pending;
        report.at_work = match before {
            AtWork::Yes(_) | AtWork::Unknown => before,
            AtWork::No => converge::at_work(&session).await,
        };
        Ok(report)
    }

    /// Fixes what can be fixed without losing or inventing data: see [`repair`](crate::repair).
    ///
    /// # Errors
    ///
    /// - Those of [`up`](Self::up).
    /// - [`OrphansNotStored`](crate::ConvergeError::OrphansNotStored) if the values of orphans
    ///   could not be stored.
    ///
    /// A step that fails is in [`Repaired::failed`], and delays only the steps that depend on it.
    pub async fn repair<'c, C>(&self, db: C, orphans: Orphans<'_>) -> Result<Repaired, Error>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        let caller = Caller::of(db);
        let handover = match orphans {
            Orphans::Keep => None,
            Orphans::Delete(sink) => Some(Handover::to(sink)),
        };
        self.under_lock(&caller, &Repair { handover }).await
    }

    #[cfg(feature = "cli")]
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Applies one migration of this crate that another migrator runs.
    pub(crate) async fn converge(
        &self,
        db: &SchemaManagerConnection<'_>,
        migration: &str,
    ) -> Result<(), Error> {
        let caller = Caller::of(reborrow(db));
        self.under_lock(&caller, &Converge { migration }).await
    }

    /// Rolls back one migration of this crate that another migrator runs.
    pub(crate) async fn roll_back_one(
        &self,
        db: &SchemaManagerConnection<'_>,
        migration: &str,
    ) -> Result<(), Error> {
        let caller = Caller::of(reborrow(db));
        self.under_lock(&caller, &RollBack { migration }).await
    }

    async fn compared(&self, session: &Session<'_>) -> Result<Compared, Error> {
        let mut wait = Wait::begin();
        loop {
            match self.compared_once(session).await {
                Err(error) => waiting::again(&mut wait, session, &self.settings, error).await?,
                compared => return compared,
            }
        }
    }

    async fn compared_once(&self, session: &Session<'_>) -> Result<Compared, Error> {
        let transaction = session.begin_to_read().await?;
        let recorded = records::known(&transaction.db(), &self.settings).await;
        let tables = converge::tables(&transaction.db()).await;
        transaction.rollback().await?;
        let recorded = match recorded {
            Err(error) if error.source_of_database().is_some_and(is_in_use) => return Err(error),
            // A role that may not read the records may still compare the tables.
            recorded => recorded.unwrap_or_default(),
        };
        versions::compared(&recorded, &tables.unwrap_or_default())
    }

    async fn roll_back(
        &self,
        caller: &Caller<'_>,
        range: &Range,
        own_documents: OwnDocuments,
        used: Use,
    ) -> Result<(), Error> {
        match (range.end(), range.count()) {
            (Some(end), _) => tracing::info!("Rolling back all applied migrations after '{end}'"),
            (None, Some(0)) => {
                tracing::info!("Nothing was rolled back: 0 migrations were asked for");
                return Ok(());
            }
            (None, Some(1)) => tracing::info!("Rolling back 1 applied migration"),
            (None, Some(count)) => tracing::info!("Rolling back {count} applied migrations"),
            (None, None) => tracing::info!("Rolling back all applied migrations"),
        }
        self.under_lock(caller, &MayRollBack { range, used })
            .await?;
        let next = RollBackNext {
            of: range.down(),
            own_documents,
        };
        if self.go_on(caller, &next, range.count()).await? == Progress::NothingLeft {
            match range.end() {
                Some(end) => tracing::info!("No applied migrations after '{end}'"),
                None => tracing::info!("No applied migrations"),
            }
        }
        Ok(())
    }

    /// Acquires the lock for each migration, so that the work of other runners is seen before the
    /// next one.
    async fn go_on<T: Repeated>(
        &self,
        caller: &Caller<'_>,
        task: &T,
        count: Option<u32>,
    ) -> Result<Progress, Error> {
        let mut last = None;
        let mut times: u32 = 0;
        for _ in 0..count.unwrap_or(u32::MAX) {
            let progress = self.under_lock(caller, task).await?;
            if let Progress::Made(name) | Progress::Finished(name) = &progress {
                report_done(name, T::DONE);
            }
            let name = match progress {
                Progress::Made(name) => name,
                finished @ Progress::Finished(_) => return Ok(finished),
                Progress::NothingLeft => break,
            };
            times = match last.as_ref() == Some(&name) {
                true => times + 1,
                false => 1,
            };
            if times > MOST_TIMES {
                return Err(Error::NoProgress { migration: name });
            }
            last = Some(name);
        }
        Ok(last.map_or(Progress::NothingLeft, Progress::Made))
    }

    /// Runs a task under the migration lock. No lock prevents a race between two nodes of Galera;
    /// the runner that loses it inspects again.
    async fn under_lock<T: Task>(&self, caller: &Caller<'_>, task: &T) -> Result<T::Output, Error> {
        let Caller { db, second } = caller;
        let mut wait = Wait::begin();
        let mut referred: u32 = 0;
        loop {
            let lock = MigrationLock::acquire(db, &self.settings.engine, second).await?;
            let is_one_transaction = lock.is_one_transaction();
            // Boxed, because the compiler limits how deep futures are nested in a caller's
            // optimized build.
            let done = Box::pin(task.run(&lock, &self.settings)).await;
            let (error, is_rolled_back) = match done {
                Ok(output) => match lock.release(End::Commit).await {
                    Ok(()) => return Ok(output),
                    Err(error) => {
                        let is_rolled_back = is_rolled_back(&error);
                        (Error::Migration(error), is_rolled_back)
                    }
                },
                Err(error) => {
                    // The task's own error is more useful than one of the release.
                    let _ = lock.release(End::RollBack).await;
                    (error, true)
                }
            };
            if is_one_transaction && is_rolled_back {
                task.take_back()?;
            }
            // Another node may have created that table since the inspection. The next inspection
            // finds it, unless it is hidden from this user.
            let is_callers = !matches!(db, SchemaManagerConnection::Connection(_));
            if is_referred_to(&error) && !is_callers && referred < MOST_TIMES {
                referred += 1;
                Delay::new(BETWEEN_TRIES).await;
                continue;
            }
            let session = Session::new(reborrow(db), &self.settings.engine);
            waiting::again(&mut wait, &session, &self.settings, error).await?;
        }
    }
}

/// Whether a migration is left to apply.
enum Pending {
    /// Possibly: only the holder of the migration lock can tell.
    Some,
    None,
}

/// How often in a row the same migration may be the next one. Another runner may undo each time
/// what this one does.
const MOST_TIMES: u32 = 20;

fn is_referred_to(error: &Error) -> bool {
    error
        .source_of_database()
        .is_some_and(converge::is_referred_to)
}
