//! One step, then another look, until nothing is left.

use std::time::Instant;

use sea_orm::{ConnectionTrait, DbBackend};

use super::{
    declared::VECTORS,
    difference::{self, Difference, Obstacle, Part, Remedy, Scope},
    live::{self, Live},
    own_documents::{self, Vectors},
    purge, rows,
    run::{self, Done, Outcome},
    step::{self, Freedom, Plan, Step},
};
use crate::{
    Error,
    orphans::Handover,
    session::{Session, Settings},
};

/// More than the declared shape can need, so that somebody changes it beside us.
const MOST_STEPS: usize = 100;

/// How often a step that failed may have been somebody else's to take meanwhile.
const MOST_LOOKS: u32 = 20;

/// Whether differences that need a person stop everything, or only themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing is changed unless all can be.
    OfEverything,
    OfItself,
}

pub(crate) struct Look {
    pub(crate) live: Live,
    pub(crate) plans: Vec<Plan>,
    /// How large the table is, where the time of a step depends on it.
    pub(crate) size: Option<String>,
}

impl Look {
    fn orphans(&self) -> Option<&Difference> {
        let is_orphans = |plan: &&Plan| {
            matches!(plan.difference, Difference::Orphans(_))
                && plan.remedy == Remedy::Left(Obstacle::DeleteOrphans)
        };
        self.plans
            .iter()
            .find(is_orphans)
            .map(|plan| &plan.difference)
    }

    /// From a local table Citus deletes none by what its distributed ones hold.
    pub(crate) fn has_deletable_orphans(&self) -> bool {
        let is_placement = |plan: &Plan| matches!(plan.difference, Difference::Placement { .. });
        self.orphans().is_some() && !self.plans.iter().any(is_placement)
    }
}

/// In a transaction of its own that only reads.
pub(crate) async fn look_at_once(session: &Session<'_>, scope: Scope) -> Result<Look, Error> {
    look_again(session, scope, &[]).await
}

/// The same, where the server has refused to fix these parts without copying the table.
async fn look_again(session: &Session<'_>, scope: Scope, copied: &[Part]) -> Result<Look, Error> {
    let failed = |error| Error::looking_for("the shape in a read-only transaction")(error);
    let unit = session.begin_to_read().await.map_err(failed)?;
    let look = look(
        &unit.db(),
        session.settings,
        scope,
        session.freedom(),
        copied,
    )
    .await;
    unit.rollback().await.map_err(failed)?;
    look
}

async fn look(
    db: &impl ConnectionTrait,
    settings: &Settings,
    scope: Scope,
    freedom: Freedom,
    copied: &[Part],
) -> Result<Look, Error> {
    let live = live::read(db, settings).await?;
    let differences = difference::differences(db, &live, scope).await?;
    let plans = step::plan(&live, &differences, freedom, copied);
    let mut steps = plans.iter().filter_map(|plan| plan.remedy.steps());
    let grows = steps.any(|steps| steps.iter().any(|step| step.lock.grows()));
    let size = match &live.vectors {
        Some(vectors) if grows => rows::size(db, &vectors.placement).await?,
        Some(_) | None => None,
    };
    Ok(Look { live, plans, size })
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
    let mut trying: Option<Instant> = None;
    let mut refused_before: Option<String> = None;
    let started = Instant::now();
    let mut looks_again: u32 = 0;
    let mut copied: Vec<Part> = Vec::new();
    loop {
        session
            .require_turn()
            .await
            .map_err(Error::looking_for("this migrator's turn"))?;
        let look = look_again(session, scope, &copied).await?;
        let refused = |plan: &&Plan| !plan.remedy.is_repair();
        if refusal == Refusal::OfEverything && look.plans.iter().any(|plan| refused(&plan)) {
            let refused = look.plans.iter().filter(refused);
            let error = Error::refused(look.live.place.clone(), refused, done.len());
            let text = error.to_string();
            // MySQL's catalog has no snapshot: a look beside another node's steps may be of no moment.
            if session.backend() != DbBackend::MySql
                || refused_before.as_ref() == Some(&text)
                || started.elapsed() >= session.settings.lock_wait
            {
                return Err(error);
            }
            refused_before = Some(text);
            continue;
        }
        let Some((plan, step)) = next(&look.plans, &failed) else {
            return match refusal {
                // Nothing is recorded as done that is not as declared.
                Refusal::OfEverything if !look.plans.is_empty() => {
                    Err(Error::still_differs(look.live.place, &look.plans))
                }
                Refusal::OfEverything | Refusal::OfItself => Ok(Converged { done, failed, look }),
            };
        };
        let really_failed = match tried.take_if(|(tried, _)| tried == step) {
            Some((_, error)) => Some(error),
            None => changed_nothing(step, &done),
        };
        let started = trying.take().unwrap_or_else(Instant::now);
        let outcome = match really_failed {
            Some(error) => Outcome::Failed(error),
            None => run::take(session, &plan.difference, step, look.size.as_deref()).await,
        };
        match outcome {
            Outcome::Done(step) => {
                // What failed before may have waited for this.
                tried = None;
                done.push(step);
            }
            Outcome::GaveWay(error) if started.elapsed() >= session.settings.lock_wait => {
                return Err(error);
            }
            Outcome::GaveWay(_) => {
                trying = Some(started);
                run::leave_it_to_others(session).await;
            }
            Outcome::WouldCopy(_) if !copied.contains(&plan.difference.part()) => {
                copied.push(plan.difference.part());
            }
            Outcome::LookAgain(error) if looks_again < MOST_LOOKS => {
                looks_again += 1;
                tried = Some((step.clone(), error));
            }
            Outcome::LookAgain(error) | Outcome::Failed(error) | Outcome::WouldCopy(error)
                if refusal == Refusal::OfEverything =>
            {
                return Err(error);
            }
            Outcome::LookAgain(error) | Outcome::Failed(error) | Outcome::WouldCopy(error) => {
                failed.push(Failed {
                    part: plan.difference.part(),
                    error,
                })
            }
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
        .find_map(|plan| Some((plan, plan.remedy.steps()?.first())))
}

/// A step that was done just now, or twice, is undone by somebody as often as it is done.
fn changed_nothing(step: &Step, done: &[Done]) -> Option<Error> {
    let is_same = |done: &&Done| done.statements == step.statements;
    let is_last = done.last().as_ref().is_some_and(is_same);
    let is_endless =
        is_last || done.iter().filter(is_same).count() >= 2 || done.len() >= MOST_STEPS;
    is_endless.then(|| Error::NoEnd {
        last: step.statements.join("; "),
    })
}

/// Who takes back the record of a migration that is rolled back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Record<'m> {
    /// We do, together with what the migration of this name has made.
    Ours(&'m str),
    /// The migrator that runs our migration does, afterwards, in a table that only it knows.
    Callers,
}

/// Takes away what a migration has made.
pub(crate) async fn roll_back(
    session: &Session<'_>,
    scope: Scope,
    record: Record<'_>,
) -> Result<(), Error> {
    let step = undoing(session, scope, record, Vectors::Counts).await?;
    if step::documents::is_drop(&step) {
        tracing::info!(
            "drops the table documents, which these migrations have made and nobody has used"
        );
    }
    run::to_its_end(session, &step).await.map(|_| ())
}

/// The application's `documents` stays, and one of ours that has rows, or that somebody relies on.
pub(crate) async fn undoing(
    session: &Session<'_>,
    scope: Scope,
    record: Record<'_>,
    vectors: Vectors,
) -> Result<Step, Error> {
    let forget = match record {
        Record::Ours(migration) => {
            let records = &session.settings.records;
            Some(records.delete(session.backend(), migration))
        }
        Record::Callers => None,
    };
    Ok(match scope {
        Scope::Documents => match forget {
            Some(forget) if may_drop_documents(session, vectors).await? => {
                step::documents::drop(session.backend(), forget)
            }
            forget => step::forget_alone(forget),
        },
        Scope::Vectors => {
            refuse_where_no_table(session).await?;
            refuse_where_referred_to(session).await?;
            step::drop_vectors(session.backend(), forget)
        }
        Scope::Everything => {
            let look = look_at_once(session, Scope::Documents).await?;
            step::restore_storage(&look.live, forget)
        }
    })
}

async fn may_drop_documents(session: &Session<'_>, vectors: Vectors) -> Result<bool, Error> {
    let unit = session.begin_to_read().await?;
    let live = live::read(&unit.db(), session.settings).await?;
    let may_go = own_documents::may_go(&unit.db(), &live, vectors).await;
    unit.rollback().await?;
    may_go
}

/// MariaDB passes over a view that has the table's name. Only names are looked up: a table that another
/// session has locked is not waited for.
async fn refuse_where_no_table(session: &Session<'_>) -> Result<(), Error> {
    let unit = session.begin_to_read().await?;
    let relations = live::relations(&unit.db()).await;
    let place = live::place(&unit.db()).await;
    unit.rollback().await?;
    let is_other = |one: &live::Relation| one.name == VECTORS && !one.is_table();
    match relations?.into_iter().find(is_other) {
        Some(other) => Err(Error::Refused {
            place: place?,
            reasons: vec![format!(
                "vectors is a {}, which these migrations have not made: drop or rename it by hand",
                other.kind.to_lowercase()
            )],
            done: 0,
        }),
        None => Ok(()),
    }
}

async fn refuse_where_referred_to(session: &Session<'_>) -> Result<(), Error> {
    let unit = session.begin_to_read().await?;
    let tables = live::referrers_to_vectors(&unit.db()).await?;
    let place = live::place(&unit.db()).await?;
    unit.rollback().await?;
    match tables.is_empty() {
        true => Ok(()),
        false => Err(Error::ReferredTo { place, tables }),
    }
}

/// Deletes the rows whose document does not exist, after what they say has been handed over.
pub(crate) async fn delete_orphans(
    session: &Session<'_>,
    handover: &Handover<'_>,
) -> Result<(), Error> {
    let look = look_at_once(session, Scope::Everything).await?;
    match look.orphans().filter(|_| look.has_deletable_orphans()) {
        Some(orphans) => purge::delete(session, &look.live, orphans, handover).await,
        None => Ok(()),
    }
}
