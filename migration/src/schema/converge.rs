//! One step, then another look, until nothing is left.

use std::time::{Duration, Instant};

use sea_orm::{AccessMode, ConnectionTrait, DbBackend, DbErr, IsolationLevel, TransactionTrait};
use sea_orm_migration::SchemaManagerConnection;
use tracing::Instrument;

use super::{
    difference::{self, Difference, Part, Remedy, Scope},
    live::{self, Live},
    rows::Orphans,
    step::{self, Execution, Freedom, Plan, Step},
};
use crate::Error;

/// For how long a step gives way to others before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether differences that need a person stop everything, or only themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing is changed unless all can be.
    OfEverything,
    OfItself,
}

/// A step that was taken.
#[derive(Clone, Debug)]
pub struct Done {
    /// The part of the shape that it mends.
    pub part: &'static str,
    /// What had been found.
    pub found: String,
    /// The statements that were run.
    pub statements: Vec<String>,
    /// How long they took.
    pub elapsed: Duration,
}

pub(crate) struct Look {
    pub(crate) live: Live,
    pub(crate) plans: Vec<Plan>,
}

/// In a transaction of its own that only reads: the parts are of one moment, also beside others that
/// change them.
pub(crate) async fn look_at_once(
    db: &SchemaManagerConnection<'_>,
    scope: Scope,
    freedom: Freedom,
) -> Result<Look, Error> {
    let failed = |error| Error::looking_for("the shape in a read-only transaction")(error);
    let transaction = match (db, db.get_database_backend()) {
        (SchemaManagerConnection::Connection(_), DbBackend::Postgres | DbBackend::MySql) => {
            let isolation = Some(IsolationLevel::RepeatableRead);
            db.begin_with_config(isolation, Some(AccessMode::ReadOnly))
                .await
        }
        // SQLite has no such words, and the caller's transaction has its own.
        _ => db.begin().await,
    };
    let transaction = transaction.map_err(failed)?;
    let look = look(&transaction, scope, freedom).await;
    transaction.rollback().await.map_err(failed)?;
    look
}

async fn look(db: &impl ConnectionTrait, scope: Scope, freedom: Freedom) -> Result<Look, Error> {
    let live = live::read(db).await?;
    let differences = difference::differences(db, &live, scope).await?;
    let plans = step::plan(&live, &differences, freedom);
    Ok(Look { live, plans })
}

/// What was done, and what could not be.
#[derive(Default)]
pub(crate) struct Converged {
    pub(crate) done: Vec<Done>,
    /// Empty under [`Refusal::OfEverything`], which stops at the first.
    pub(crate) failed: Vec<Failed>,
}

pub(crate) struct Failed {
    part: Part,
    pub(crate) error: Error,
}

/// Takes the first step of the first difference that can be mended, until none is left.
///
/// A step that fails, or gives way, may have been taken by somebody else meanwhile: only one that is
/// still the next after another look has really failed.
pub(crate) async fn converge(
    db: &SchemaManagerConnection<'_>,
    scope: Scope,
    refusal: Refusal,
) -> Result<Converged, Error> {
    let mut converged = Converged::default();
    let mut tried: Option<(Step, Error)> = None;
    let mut gave_way: Option<Instant> = None;
    loop {
        let Look { live, plans } = look_at_once(db, scope, freedom(db)).await?;
        let refused = |plan: &&Plan| plan.remedy != Remedy::Repair;
        if refusal == Refusal::OfEverything && plans.iter().any(|plan| refused(&plan)) {
            return Err(Error::refused(live.place, plans.iter().filter(refused)));
        }
        let Some((plan, step)) = next(&plans, &converged.failed) else {
            return Ok(converged);
        };
        let really_failed = match tried.take_if(|(tried, _)| tried == step) {
            Some((_, error)) => Some(error),
            None => changed_nothing(step, converged.done.last()),
        };
        let outcome = match really_failed {
            Some(error) => Outcome::Failed(error),
            None => take(db, plan, step).await,
        };
        match outcome {
            Outcome::Done(step) => {
                converged.done.push(step);
                gave_way = None;
            }
            Outcome::GaveWay(error) => {
                if gave_way.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(error);
                }
            }
            Outcome::LookAgain(error) => tried = Some((step.clone(), error)),
            Outcome::Failed(error) if refusal == Refusal::OfEverything => return Err(error),
            Outcome::Failed(error) => converged.failed.push(Failed {
                part: plan.difference.part(),
                error,
            }),
        }
    }
}

/// What has failed is left, and so is what is built on it.
fn next<'p>(plans: &'p [Plan], failed: &[Failed]) -> Option<(&'p Plan, &'p Step)> {
    let is_left = |plan: &&Plan| {
        failed.iter().any(|failed| {
            plan.difference.part() == failed.part || plan.difference.is_built_on(failed.part)
        })
    };
    plans
        .iter()
        .filter(|plan| !is_left(plan))
        .find_map(|plan| Some((plan, plan.steps.first()?)))
}

fn changed_nothing(step: &Step, last: Option<&Done>) -> Option<Error> {
    let is_same = |last: &Done| last.statements == step.statements;
    last.is_some_and(is_same).then(|| Error::NoEnd {
        last: step.statements.join("; "),
    })
}

/// Statements that no transaction takes can only be run where the caller has begun none.
fn freedom(db: &SchemaManagerConnection<'_>) -> Freedom {
    match db {
        SchemaManagerConnection::Connection(_) => Freedom::Free,
        _ => Freedom::InTransaction,
    }
}

enum Outcome {
    Done(Done),
    /// To whoever held what the step needs; a part of it may be done.
    GaveWay(Error),
    /// Somebody else may have taken it.
    LookAgain(Error),
    Failed(Error),
}

async fn take(db: &SchemaManagerConnection<'_>, plan: &Plan, step: &Step) -> Outcome {
    let (part, found) = (plan.difference.part().name(), plan.difference.sentence());
    tracing::info!("{part}: {found}");
    for statement in &step.statements {
        tracing::info!("  {statement}");
    }
    let started = Instant::now();
    let outcome = run(db, step)
        .instrument(tracing::info_span!("step", part))
        .await;
    let elapsed = started.elapsed();
    let seconds = elapsed.as_secs_f64();
    match outcome {
        Ok(()) => {
            tracing::info!("  done in {seconds:.3} s");
            Outcome::Done(Done {
                part,
                found,
                statements: step.statements.clone(),
                elapsed,
            })
        }
        Err(source) => {
            let in_use = is_in_use(&source) && freedom(db) == Freedom::Free;
            let statements = step.statements.join("; ");
            let error = Error::Step { statements, source };
            if in_use {
                tracing::info!("  gave way after {seconds:.3} s");
                return Outcome::GaveWay(error);
            }
            Outcome::LookAgain(error)
        }
    }
}

/// Gives way to whoever holds the table, and tries again: a transaction of which nothing has stayed.
async fn run(db: &SchemaManagerConnection<'_>, step: &Step) -> Result<(), DbErr> {
    let started = Instant::now();
    let is_atomic = step.execution != Execution::Alone
        && db.get_database_backend() != DbBackend::MySql
        && freedom(db) == Freedom::Free;
    loop {
        match attempt(db, step).await {
            Err(error) if is_in_use(&error) => {
                if !is_atomic || started.elapsed() > PATIENCE {
                    return Err(error);
                }
                pause(db).await?;
            }
            outcome => return outcome,
        }
    }
}

async fn attempt(db: &SchemaManagerConnection<'_>, step: &Step) -> Result<(), DbErr> {
    let Execution::Transaction { settings } = step.execution else {
        return run_all(db, &step.statements).await;
    };
    let transaction = db.begin().await?;
    if freedom(db) == Freedom::Free && transaction.get_database_backend() == DbBackend::Postgres {
        // Whoever queues behind a lock that is waited for must not wait long.
        let polite = "SET LOCAL lock_timeout = '50ms'; SET LOCAL statement_timeout = 0";
        transaction.execute_unprepared(polite).await?;
    }
    for setting in settings {
        transaction.execute_unprepared(setting.set).await?;
    }
    let outcome = run_all(&transaction, &step.statements).await;
    for setting in settings.iter().rev() {
        transaction.execute_unprepared(setting.restore).await?;
    }
    match outcome {
        Ok(()) => transaction.commit().await,
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

async fn run_all(db: &impl ConnectionTrait, statements: &[String]) -> Result<(), DbErr> {
    for statement in statements {
        db.execute_unprepared(statement).await?;
    }
    Ok(())
}

/// A lock that was not to be had, or a deadlock: by the codes that the servers give them.
///
/// They stand only in the driver's own error, whose type is there only with the driver's feature.
fn is_in_use(error: &DbErr) -> bool {
    let codes = [
        "code: \"55P03\"",
        "code: \"40P01\"",
        "number: 1205",
        "number: 1213",
        "SqliteError { code: 5,",
        "SqliteError { code: 517,",
    ];
    let error = format!("{error:?}");
    codes.iter().any(|code| error.contains(code))
}

/// By the server's own clock: the library has no runtime to ask. SQLite has waited already.
async fn pause(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let sleep = match db.get_database_backend() {
        DbBackend::Postgres => "SELECT pg_sleep(0.1)",
        DbBackend::MySql => "DO SLEEP(0.1)",
        _ => return Ok(()),
    };
    db.execute_unprepared(sleep).await.map(|_| ())
}

/// Deletes the rows whose document does not exist, and says how many.
pub(crate) async fn delete_orphans(db: &SchemaManagerConnection<'_>) -> Result<u64, Error> {
    let look = look_at_once(db, Scope::Everything, freedom(db)).await?;
    let is_orphans = |plan: &Plan| {
        matches!(plan.difference, Difference::Orphans(_)) && plan.remedy == Remedy::DeleteOrphans
    };
    if !look.plans.iter().any(is_orphans) {
        return Ok(0);
    }
    let deleted = db
        .execute_unprepared(Orphans::DELETE)
        .await
        .map_err(|source| Error::Step {
            statements: Orphans::DELETE.to_owned(),
            source,
        })?;
    Ok(deleted.rows_affected())
}
