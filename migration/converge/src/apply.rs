//! Runs one step, and gives way to a session that uses the table.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use futures_timer::Delay;
use futures_util::future::{Either, select};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use tracing::Instrument;

use crate::{
    Error,
    declare::Shape,
    diff::{Change, name},
    engine::Engine,
    error::Work,
    facts::Size,
    lock::{self, BETWEEN_TRIES, Blocker, Kind, Need},
    patience::{BRIEFLY, TRY, limit_of_a_commit},
    plan::{Execution, Setting, Step, Tables},
    server_error::{commit_unknown, is_commit_unknown, is_in_use, would_copy},
    session::{Session, TxMode},
    sql,
    wait::{self, Wait, names},
};

/// Delay after an attempt on MySQL, whose shortest wait for a table is a second, during which other
/// sessions queue behind it.
const AFTER_A_SECOND: Duration = Duration::from_secs(3);

/// How often the session that builds an index concurrently is asked what it waits for.
const BETWEEN_INSPECTIONS: Duration = Duration::from_secs(1);

/// Settings of a step's transaction: sessions that queue behind a lock that is waited for must not
/// wait long.
pub(crate) const POLITE: &str = "SET LOCAL lock_timeout = '50ms'; SET LOCAL statement_timeout = 0";

/// A step that was run.
#[derive(Clone, Debug)]
pub struct Done {
    /// The element of the shape that it fixed.
    pub part: String,
    /// The difference that had been found.
    pub found: String,
    /// The statements that were run.
    pub statements: Vec<String>,
    /// The time that they took.
    pub elapsed: Duration,
}

pub(crate) enum Outcome {
    Done(Done),
    /// The step gave way to the session that held what it needs; a part of it may be done.
    GaveWay(Error),
    /// A MySQL or MariaDB server refused to run it without copying the table.
    WouldCopy(Error),
    /// The step failed, and another session may have run it: inspect again.
    InspectAgain(Error),
    Failed(Error),
    /// The server has not answered its COMMIT. It may answer none that follows either.
    CommitUnknown(Error),
}

pub(crate) async fn take(
    session: &Session<'_>,
    shape: &Shape,
    change: &Change,
    step: &Step,
    size: Option<Size>,
) -> Outcome {
    let (part, found) = (name::name(shape, &change.element()), change.sentence());
    announce(
        &part,
        &found,
        &step.statements,
        step.lock
            .grows()
            .then(|| step.lock.sentence(size, &Tables::of(shape, &change.table)))
            .as_deref(),
    );
    let started = Instant::now();
    let outcome = run(session, step, &names(shape))
        .instrument(tracing::info_span!("step"))
        .await;
    let elapsed = started.elapsed();
    let seconds = elapsed.as_secs_f64();
    match outcome {
        Ok(_) => {
            tracing::info!("  done in {seconds:.3} s");
            Outcome::Done(Done {
                part,
                found,
                statements: step.statements.clone(),
                elapsed,
            })
        }
        Err(error @ Error::InUse { .. }) => {
            tracing::info!("  gave way after {seconds:.3} s");
            Outcome::GaveWay(error)
        }
        Err(error @ Error::RowsChanged { .. }) => Outcome::Failed(error),
        Err(Error::Step { statements, source }) if would_copy(&source) => {
            tracing::info!("{part}: the server would copy the table for it");
            Outcome::WouldCopy(Error::Step { statements, source })
        }
        Err(Error::Step { statements, source }) if is_commit_unknown(&source) => {
            Outcome::CommitUnknown(Error::Step { statements, source })
        }
        Err(error) => Outcome::InspectAgain(error),
    }
}

/// Logs a step, with the lock if it blocks other sessions for longer than a moment.
pub(crate) fn announce(part: &str, found: &str, statements: &[String], lock: Option<&str>) {
    tracing::info!("{part}: {found}");
    if let Some(lock) = lock {
        tracing::info!("lock: {lock}");
    }
    for statement in statements {
        tracing::info!("  {}", statement.replace('\n', "\n  "));
    }
}

/// Pauses after a step that gave way at once. A step that waits by itself reports that.
pub(crate) async fn leave_it_to_others(session: &Session<'_>) {
    let pause = match session.backend() {
        Engine::MySql => AFTER_A_SECOND,
        Engine::Postgres | Engine::Sqlite => BETWEEN_TRIES,
    };
    Delay::new(pause).await;
}

/// After this many attempts an autovacuum is outwaited.
const FEW_TRIES: u32 = 3;

/// Runs a step and returns how many rows it changed. Gives way to a session that uses the table,
/// and tries again if nothing of an attempt is kept.
async fn run(session: &Session<'_>, step: &Step, tables: &[String]) -> Result<u64, Error> {
    let started = Instant::now();
    let mut wait = Wait::begin();
    let mut tries: u32 = 0;
    let mut was_outwaited = false;
    let mut patience = Patience::Polite;
    loop {
        let source = match attempt(session, step, patience).await {
            Ok(rows) => return Ok(rows),
            Err(Stopped::WaitedFor(holder)) => {
                return Err(in_use(session, started, step, Some(holder)));
            }
            Err(Stopped::WouldChange(changed)) => return Err(Error::RowsChanged { changed }),
            Err(Stopped::By(error)) => error,
        };
        let is_within = session.tx_mode() == TxMode::InTransaction;
        if !is_in_use(&source) {
            let statements = step.statements.join("; ");
            return Err(Error::Step { statements, source });
        }
        let blocker = lock::blocker(session, tables, need(session, step)).await;
        tries += 1;
        let is_autovacuum = |blocker: &Blocker| blocker.kind == Kind::Autovacuum;
        let left = session.settings.lock_wait.saturating_sub(started.elapsed());
        if blocker.as_ref().is_some_and(is_autovacuum)
            && !was_outwaited
            && (tries >= FEW_TRIES || is_within)
            && !left.is_zero()
        {
            was_outwaited = true;
            patience = Patience::Outwaiting(left);
            continue;
        }
        patience = Patience::Polite;
        if is_within {
            let statements = step.statements.join("; ");
            return Err(Error::Step { statements, source });
        }
        let holder = blocker.map(|blocker| blocker.sentence);
        if let Some(holder) = &holder {
            wait.report(holder);
        }
        if wait.is_over(session.settings) || !step.is_atomic(session.backend()) {
            return Err(in_use(session, started, step, holder));
        }
        Delay::new(BETWEEN_TRIES).await;
    }
}

/// How long an attempt waits for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// A moment, because other sessions queue behind it.
    Polite,
    /// Until an autovacuum gives way, and no longer than this.
    Outwaiting(Duration),
}

/// Returns what a step needs of the tables that other sessions may be using.
fn need(session: &Session<'_>, step: &Step) -> Need {
    match session.backend() {
        Engine::Postgres if !step.lock.excludes_readers() => Need::NoWriters,
        // MySQL changes the shape of a table only while no other session uses it, if only for a
        // moment.
        Engine::Postgres | Engine::MySql | Engine::Sqlite => Need::Alone,
    }
}

fn in_use(session: &Session<'_>, started: Instant, step: &Step, holder: Option<String>) -> Error {
    let statements = step.statements.join("; ");
    let work = Work::Step { statements };
    wait::in_use(session.settings, started.elapsed(), work, holder)
}

enum Stopped {
    By(DbErr),
    /// The wait took as long as allowed; the session that was waited for.
    WaitedFor(String),
    /// Rows that had to be kept would change: what changes, and how many rows.
    WouldChange(Vec<String>),
}

impl From<DbErr> for Stopped {
    fn from(error: DbErr) -> Self {
        Self::By(error)
    }
}

async fn attempt(session: &Session<'_>, step: &Step, patience: Patience) -> Result<u64, Stopped> {
    let settings = match &step.execution {
        Execution::Transaction { settings }
        | Execution::Compared { settings }
        | Execution::DropRequired { settings, .. } => settings,
        Execution::Alone { table } => {
            nobody_else_builds(session, table).await?;
            return beside_others(session, table, &step.statements).await;
        }
    };
    let transaction = session.begin_saying(&[POLITE]).await?;
    let db = transaction.db();
    if let Patience::Outwaiting(longest) = patience {
        db.execute_unprepared(&lock::outwaiting_autovacuum(longest))
            .await?;
    }
    let outcome = match step.execution {
        Execution::Compared { .. } => with(&db, settings, compared(&db, &step.statements)).await,
        Execution::Transaction { .. }
        | Execution::DropRequired { .. }
        | Execution::Alone { .. } => {
            with(&db, settings, async {
                Ok(run_all(&db, &step.statements).await?)
            })
            .await
        }
    };
    match outcome {
        Ok(rows) => {
            if let Patience::Outwaiting(_) = patience {
                // The settings go on to apply in the surrounding transaction.
                db.execute_unprepared(lock::AS_POLITE_AS_BEFORE).await?;
            }
            transaction.commit().await?;
            Ok(rows)
        }
        Err(error) => {
            // The error is more useful than one of the rollback.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// Applies settings, does the work, and restores the settings whatever the outcome of the work.
pub(crate) async fn with<T, E: From<DbErr>>(
    db: &impl ConnectionTrait,
    settings: &[Setting],
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    for setting in settings {
        db.execute_unprepared(setting.set).await?;
    }
    let outcome = work.await;
    for setting in settings.iter().rev() {
        let restored = db.execute_unprepared(setting.restore).await;
        if outcome.is_ok() {
            restored?;
        }
    }
    outcome
}

/// Runs a step in a transaction that is open already.
pub(crate) async fn run_within(db: &impl ConnectionTrait, step: &Step) -> Result<(), Error> {
    let settings = match &step.execution {
        Execution::Transaction { settings }
        | Execution::Compared { settings }
        | Execution::DropRequired { settings, .. } => *settings,
        Execution::Alone { .. } => &[],
    };
    match with(db, settings, run_all(db, &step.statements)).await {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Step {
            statements: step.statements.join("; "),
            source,
        }),
    }
}

/// Builds an index, which blocks no other session and waits for every transaction that is older
/// than it. No timeout of a transaction ends that wait, so the holder of the migration lock watches
/// it.
async fn beside_others(
    session: &Session<'_>,
    table: &str,
    statements: &[String],
) -> Result<u64, Stopped> {
    let mut work = pin!(run_all(&session.db, statements));
    let mut wait = None;
    let mut standby: Option<Instant> = None;
    loop {
        match select(work.as_mut(), Delay::new(BETWEEN_INSPECTIONS)).await {
            Either::Left((outcome, _)) => return Ok(outcome?),
            Either::Right(_) => {}
        }
        let Some(waiter) = lock::waiter(session, table, statements).await else {
            wait = None;
            // The build commits several times.
            standby = match lock::waits_for_a_standby(session, statements).await {
                true => standby.or_else(|| Some(Instant::now())),
                false => None,
            };
            let longest = limit_of_a_commit(session.settings.lock_wait);
            if standby.is_some_and(|since| since.elapsed() >= longest) {
                return Err(commit_unknown(longest).into());
            }
            continue;
        };
        let wait = wait.get_or_insert_with(Wait::begin);
        wait.report(&waiter.waits_for);
        if wait.is_over(session.settings) {
            lock::cancel(session, &waiter).await?;
            let outcome = work.await;
            return outcome.map_err(|_| Stopped::WaitedFor(waiter.waits_for));
        }
    }
}

/// Waits until no other session builds an index on the table. A server goes on with the index of a
/// migrator that was killed. Its lock blocks no reader and no writer, so it may be waited for.
async fn nobody_else_builds(session: &Session<'_>, table: &str) -> Result<(), DbErr> {
    let transaction = session.begin_saying(&[BRIEFLY]).await?;
    let wait = lock::outwaiting_autovacuum(session.settings.lock_wait.max(TRY));
    let table = sql::identifier(Engine::Postgres, table);
    let wait = format!("{wait}; LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE");
    let outcome = transaction.db().execute_unprepared(&wait).await;
    transaction.rollback().await?;
    outcome.map(|_| ())
}

async fn run_all(db: &impl ConnectionTrait, statements: &[String]) -> Result<u64, DbErr> {
    let mut rows = 0;
    for statement in statements {
        rows += db.execute_unprepared(statement).await?.rows_affected();
    }
    Ok(rows)
}

/// Runs the statements of a rebuild. A SELECT among them must count nothing: each of its columns is
/// named after what it counts.
async fn compared(db: &impl ConnectionTrait, statements: &[String]) -> Result<u64, Stopped> {
    let mut rows = 0;
    for statement in statements {
        if !statement.starts_with("SELECT ") {
            rows += db.execute_unprepared(statement).await?.rows_affected();
            continue;
        }
        let question = Statement::from_string(db.get_database_backend(), statement);
        let Some(counts) = db.query_one_raw(question).await? else {
            continue;
        };
        let mut changed = Vec::new();
        for (at, what) in counts.column_names().into_iter().enumerate() {
            match counts.try_get_by_index::<i64>(at)? {
                0 => {}
                1 => changed.push(format!("{what} in 1 row")),
                rows => changed.push(format!("{what} in {rows} rows")),
            }
        }
        if !changed.is_empty() {
            return Err(Stopped::WouldChange(changed));
        }
    }
    Ok(rows)
}

/// Runs a step that may be repeated after any part of it.
pub(crate) async fn to_its_end(
    session: &Session<'_>,
    shape: &Shape,
    step: &Step,
) -> Result<u64, Error> {
    let started = Instant::now();
    loop {
        match run(session, step, &names(shape)).await {
            Err(Error::InUse { .. }) if started.elapsed() < session.settings.lock_wait => {
                leave_it_to_others(session).await;
            }
            outcome => return outcome,
        }
    }
}
