//! One step, then another look, until nothing is left.

use std::time::{Duration, Instant};

use futures_timer::Delay;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use tracing::Instrument;

use super::{
    difference::{self, Difference, Part, Remedy, Scope},
    live::{self, Live},
    step::{self, Execution, Freedom, Plan, Step},
};
use crate::{
    Error,
    error::is_in_use,
    lock::{self, BETWEEN_TRIES},
    session::Session,
};

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

impl Look {
    /// From a local table Citus deletes none by what its distributed ones hold.
    pub(crate) fn has_deletable_orphans(&self) -> bool {
        let is_orphans = |plan: &Plan| {
            matches!(plan.difference, Difference::Orphans(_))
                && plan.remedy == Remedy::DeleteOrphans
        };
        let is_placement = |plan: &Plan| matches!(plan.difference, Difference::Placement { .. });
        self.plans.iter().any(is_orphans) && !self.plans.iter().any(is_placement)
    }
}

/// In a transaction of its own that only reads.
pub(crate) async fn look_at_once(session: &Session<'_>, scope: Scope) -> Result<Look, Error> {
    let failed = |error| Error::looking_for("the shape in a read-only transaction")(error);
    let unit = session.begin_to_read().await.map_err(failed)?;
    let look = look(&unit.db(), scope, session.freedom()).await;
    unit.rollback().await.map_err(failed)?;
    look
}

async fn look(db: &impl ConnectionTrait, scope: Scope, freedom: Freedom) -> Result<Look, Error> {
    let live = live::read(db).await?;
    let differences = difference::differences(db, &live, scope).await?;
    let plans = step::plan(&live, &differences, freedom);
    Ok(Look { live, plans })
}

/// What was done, and what could not be.
pub(crate) struct Converged {
    pub(crate) done: Vec<Done>,
    /// Empty under [`Refusal::OfEverything`], which stops at the first.
    pub(crate) failed: Vec<Failed>,
    /// The last look, after all that.
    pub(crate) look: Look,
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
    session: &Session<'_>,
    scope: Scope,
    refusal: Refusal,
) -> Result<Converged, Error> {
    let mut done: Vec<Done> = Vec::new();
    let mut failed: Vec<Failed> = Vec::new();
    let mut tried: Option<(Step, Error)> = None;
    let mut gave_way: Option<Instant> = None;
    let mut refused_before: Option<String> = None;
    loop {
        session
            .require_turn()
            .await
            .map_err(Error::looking_for("this migrator's turn"))?;
        let look = look_at_once(session, scope).await?;
        let refused = |plan: &&Plan| plan.remedy != Remedy::Repair;
        if refusal == Refusal::OfEverything && look.plans.iter().any(|plan| refused(&plan)) {
            let refused = look.plans.iter().filter(refused);
            let error = Error::refused(look.live.place.clone(), refused);
            let text = error.to_string();
            // MySQL's catalog has no snapshot: a look beside another node's steps may be of no moment.
            if session.backend() != DbBackend::MySql || refused_before.as_ref() == Some(&text) {
                return Err(error);
            }
            refused_before = Some(text);
            continue;
        }
        let Some((plan, step)) = next(&look.plans, &failed) else {
            return Ok(Converged { done, failed, look });
        };
        let really_failed = match tried.take_if(|(tried, _)| tried == step) {
            Some((_, error)) => Some(error),
            None => changed_nothing(step, done.last()),
        };
        let outcome = match really_failed {
            Some(error) => Outcome::Failed(error),
            None => take(session, plan, step).await,
        };
        match outcome {
            Outcome::Done(step) => {
                done.push(step);
                gave_way = None;
            }
            Outcome::GaveWay(error) => {
                if gave_way.get_or_insert_with(Instant::now).elapsed() >= session.settings.lock_wait
                {
                    return Err(error);
                }
            }
            Outcome::LookAgain(error) => tried = Some((step.clone(), error)),
            Outcome::Failed(error) if refusal == Refusal::OfEverything => return Err(error),
            Outcome::Failed(error) => failed.push(Failed {
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

enum Outcome {
    Done(Done),
    /// To whoever held what the step needs; a part of it may be done.
    GaveWay(Error),
    /// Somebody else may have taken it.
    LookAgain(Error),
    Failed(Error),
}

async fn take(session: &Session<'_>, plan: &Plan, step: &Step) -> Outcome {
    let (part, found) = (plan.difference.part().name(), plan.difference.sentence());
    tracing::info!("{part}: {found}");
    for statement in &step.statements {
        tracing::info!("  {statement}");
    }
    let started = Instant::now();
    let outcome = run(session, step)
        .instrument(tracing::info_span!("step", part))
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
        Err(error) => Outcome::LookAgain(error),
    }
}

/// Runs a step, gives way to whoever has the table in use, and tries again where nothing of a try stays.
/// Says how many rows were changed.
async fn run(session: &Session<'_>, step: &Step) -> Result<u64, Error> {
    let started = Instant::now();
    let mut said = None;
    loop {
        let source = match attempt(session, step).await {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        let statements = step.statements.join("; ");
        if !is_in_use(&source) || session.freedom() == Freedom::InTransaction {
            return Err(Error::Step { statements, source });
        }
        let holder = lock::blocker(session).await;
        let is_over = started.elapsed() >= session.settings.lock_wait;
        if is_over || !step.is_atomic(session.backend()) {
            return Err(Error::InUse {
                statements,
                seconds: session.settings.lock_wait.as_secs_f64(),
                holder,
            });
        }
        if holder.is_some() && said != holder {
            tracing::info!("  waiting for {}", holder.as_deref().unwrap_or_default());
            said = holder;
        }
        Delay::new(BETWEEN_TRIES).await;
    }
}

async fn attempt(session: &Session<'_>, step: &Step) -> Result<u64, DbErr> {
    let Execution::Transaction { settings } = step.execution else {
        nobody_else_builds(session).await?;
        return run_all(&session.db, &step.statements).await;
    };
    let unit = session.begin().await?;
    let db = unit.db();
    if session.freedom() == Freedom::Free && session.backend() == DbBackend::Postgres {
        // Whoever queues behind a lock that is waited for must not wait long.
        // Citus hands on to its other nodes what is set after the first word.
        let polite = "SET LOCAL citus.propagate_set_commands = 'local'; \
             SET LOCAL lock_timeout = '50ms'; SET LOCAL statement_timeout = 0";
        db.execute_unprepared(polite).await?;
    }
    for setting in settings {
        db.execute_unprepared(setting.set).await?;
    }
    let outcome = run_all(&db, &step.statements).await;
    for setting in settings.iter().rev() {
        db.execute_unprepared(setting.restore).await?;
    }
    match outcome {
        Ok(rows) => unit.commit().await.map(|()| rows),
        Err(error) => {
            unit.rollback().await?;
            Err(error)
        }
    }
}

/// A server goes on with the index of a migrator that was killed. Its lock holds up no reader and no
/// writer, so it may be waited for.
async fn nobody_else_builds(session: &Session<'_>) -> Result<(), DbErr> {
    let unit = session.begin().await?;
    let wait = "SET LOCAL lock_timeout = '2s'; LOCK TABLE vectors IN SHARE UPDATE EXCLUSIVE MODE";
    let outcome = unit.db().execute_unprepared(wait).await;
    unit.rollback().await?;
    outcome.map(|_| ())
}

async fn run_all(db: &impl ConnectionTrait, statements: &[String]) -> Result<u64, DbErr> {
    let mut rows = 0;
    for statement in statements {
        rows += db.execute_unprepared(statement).await?.rows_affected();
    }
    Ok(rows)
}

/// Takes away what the migration of this name has made. `documents` belongs to the application and stays.
pub(crate) async fn roll_back(
    session: &Session<'_>,
    scope: Scope,
    migration: &str,
) -> Result<(), Error> {
    match scope {
        Scope::Documents => Ok(()),
        Scope::Everything => {
            let step = step::drop_vectors(session.backend(), migration);
            run_to_its_end(session, &step).await.map(|_| ())
        }
    }
}

/// Of a step that may be run again after any part of it.
async fn run_to_its_end(session: &Session<'_>, step: &Step) -> Result<u64, Error> {
    let started = Instant::now();
    loop {
        match run(session, step).await {
            Err(Error::InUse { .. }) if started.elapsed() < session.settings.lock_wait => {}
            outcome => return outcome,
        }
    }
}

/// Deletes the rows whose document does not exist, and says how many.
pub(crate) async fn delete_orphans(session: &Session<'_>) -> Result<u64, Error> {
    let look = look_at_once(session, Scope::Everything).await?;
    if !look.has_deletable_orphans() {
        return Ok(0);
    }
    let step = step::delete_orphans(session.backend());
    let mut deleted = 0;
    loop {
        match run_to_its_end(session, &step).await? {
            0 => return Ok(deleted),
            rows => deleted += rows,
        }
    }
}
