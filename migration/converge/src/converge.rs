//! Runs one step, then inspects again, until nothing is left.

use std::time::Instant;

use sea_orm::{ConnectionTrait, DbErr};

use sea_orm_migration::SchemaManagerConnection;

use crate::{
    Error,
    apply::{self, Done, Outcome},
    declare::Shape,
    diff::{self, Change, Difference, Element, Part, Unknown},
    engine::Engine,
    facts::{self, Facts, Question, Size},
    inspect::{self, Inspection},
    model::{HiddenPart, Table},
    orphans::Handover,
    patience::TRY,
    plan::{self, Context, Obstacle, Plan, Remedy, Step, is_built_on},
    purge,
    report::{self, DifferenceReport, Report},
    server_error::fails_again,
    session::{Planned, Session, Settings, TxMode},
    wait::{self, Wait},
};

/// How often a step that failed may have been run by another session in the meantime.
const MOST_INSPECTIONS: u32 = 20;

/// How often facts are asked for: each answer can lead to a further question.
const MOST_QUESTIONS: u32 = 10;

/// The effect of differences that need a manual decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They stop everything: nothing is changed unless everything can be.
    OfEverything,
    /// They stop only themselves: what can be fixed is fixed.
    OfItself,
}

/// How much is inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What is compared, and what depends on the tables only if something differs.
    Differences,
    /// Also what depends on tables that are as declared.
    Everything,
}

/// The current shape and the plans for its differences.
pub struct Current {
    pub(crate) inspection: Inspection,
    pub(crate) plans: Vec<Plan>,
    unknown: Vec<Unknown>,
    /// The size of each table on which the time of a step depends.
    sizes: Vec<(String, Size)>,
}

impl Current {
    fn orphans(&self) -> impl Iterator<Item = &Plan> {
        let is_orphans = |plan: &&Plan| {
            matches!(plan.change.difference, Difference::Orphans(_))
                && plan.remedy == Remedy::Left(Obstacle::DeleteOrphans)
        };
        // Citus deletes no rows of a local table by a condition on its distributed ones.
        let is_misplaced = |table: &str| {
            self.plans.iter().any(|plan| {
                plan.change.table == table
                    && matches!(plan.change.difference, Difference::Placement { .. })
            })
        };
        let orphans = self.plans.iter().filter(is_orphans);
        orphans.filter(move |plan| !is_misplaced(&plan.change.table))
    }

    /// Returns whether there are orphans that can be deleted.
    pub fn has_deletable_orphans(&self) -> bool {
        self.orphans().next().is_some()
    }

    /// Returns the comparison as a report.
    pub fn report(&self, shape: &Shape) -> Report {
        let size_of = |table: &str| self.size_of(table);
        Report::of(&self.inspection, &self.plans, &self.unknown, size_of, shape)
    }

    pub(crate) fn size_of(&self, table: &str) -> Option<Size> {
        let size = self.sizes.iter().find(|(name, _)| name == table);
        size.map(|(_, size)| *size)
    }
}

/// Inspects the shape in a read-only transaction of its own.
///
/// # Errors
///
/// [`Error::Lookup`] if the catalog or the rows cannot be read.
pub async fn inspect(session: &Session<'_>, shape: &Shape) -> Result<Current, Error> {
    inspect_knowing(session, shape, &mut Facts::default()).await
}

/// Inspects the shape as [`inspect`] does, and keeps the answers about rows in `facts`.
pub(crate) async fn inspect_knowing(
    session: &Session<'_>,
    shape: &Shape,
    facts: &mut Facts,
) -> Result<Current, Error> {
    inspect_again(session, shape, Depth::Everything, &[], facts).await
}

/// Compares the current shape with the declared one and changes nothing. What this role may not see
/// is reported as unknown, and everything else is compared.
///
/// # Errors
///
/// [`Error::Lookup`] if the catalog cannot be read, or the rows for another reason than a missing
/// right.
pub async fn check(session: &Session<'_>, shape: &Shape) -> Result<Report, Error> {
    let mut facts = Facts::default();
    let current = inspect_as_shown(session, shape, Depth::Everything, &mut facts).await?;
    Ok(current.report(shape))
}

/// Inspects what this role may see, and keeps the answers about rows in `facts`.
pub(crate) async fn inspect_as_shown(
    session: &Session<'_>,
    shape: &Shape,
    depth: Depth,
    facts: &mut Facts,
) -> Result<Current, Error> {
    let is_callers = !matches!(session.db, SchemaManagerConnection::Connection(_));
    let mut wait = Wait::begin();
    loop {
        let hidden = facts.hidden().len();
        match inspect_what_is_shown(session, shape, depth, &[], facts).await {
            // PostgreSQL ends a transaction in which a query is refused.
            Err(_) if !is_callers && facts.hidden().len() > hidden => facts.forget(),
            // Another session has locked a table, or Galera ends a transaction that reads what
            // another node changes.
            Err(error) => {
                wait.again(session, shape, error).await?;
                facts.forget();
            }
            Ok(current) => return Ok(current),
        }
    }
}

/// Returns whether the catalog alone shows a difference. It reads no rows; [`check`] does.
///
/// On PostgreSQL this is one statement, and one request if no transaction has to enter a schema
/// first.
///
/// # Errors
///
/// [`Error::Lookup`] if the catalog cannot be read.
pub async fn differs_in_catalog(session: &Session<'_>, shape: &Shape) -> Result<bool, Error> {
    if session.reads_at_once() {
        let one_try = Settings {
            lock_wait: TRY,
            ..session.settings.clone()
        };
        if let Ok(differs) = differs(&session.db, &one_try, shape).await {
            return Ok(differs);
        }
    }
    let mut wait = Wait::begin();
    loop {
        match differs_within(session, shape).await {
            Err(error) => wait.again(session, shape, error).await?,
            differs => return differs,
        }
    }
}

async fn differs_within(session: &Session<'_>, shape: &Shape) -> Result<bool, Error> {
    let failed = |error| Error::looking_for("the shape in a read-only transaction")(error);
    let transaction = session.begin_to_read().await.map_err(failed)?;
    let differs = differs(&transaction.db(), session.settings, shape).await;
    transaction.rollback().await.map_err(failed)?;
    differs
}

async fn differs(
    db: &impl ConnectionTrait,
    settings: &Settings,
    shape: &Shape,
) -> Result<bool, Error> {
    let inspection = inspect::read_what_is_shown(db, settings, shape).await?;
    let changes = diff::changes(&inspection, shape, &mut Facts::default());
    Ok(!changes.is_empty())
}

/// Inspects as [`inspect`] does, after the server has refused to fix these elements without copying
/// the table, and with known facts.
async fn inspect_again(
    session: &Session<'_>,
    shape: &Shape,
    depth: Depth,
    copied: &[Element],
    facts: &mut Facts,
) -> Result<Current, Error> {
    let mut wait = Wait::begin();
    let current = loop {
        match inspect_what_is_shown(session, shape, depth, copied, facts).await {
            // As in `check`: known facts about rows may have changed while other sessions were
            // waited for.
            Err(error) => {
                wait.again(session, shape, error).await?;
                facts.forget();
            }
            Ok(current) => break current,
        }
    };
    match current.unknown.first() {
        Some(Unknown { element, reason }) => {
            let subject = format!(
                "{} of {:?}",
                diff::name::name(shape, element),
                element.table
            );
            Err(Error::looking_for(subject)(DbErr::Custom(reason.clone())))
        }
        None => Ok(current),
    }
}

/// Inspects once, and notes what this role may not see.
async fn inspect_what_is_shown(
    session: &Session<'_>,
    shape: &Shape,
    depth: Depth,
    copied: &[Element],
    facts: &mut Facts,
) -> Result<Current, Error> {
    let failed = |error| Error::looking_for("the shape in a read-only transaction")(error);
    let transaction = session.begin_to_read().await.map_err(failed)?;
    let mode = session.tx_mode();
    let compared = compare(&transaction.db(), session.settings, shape, depth, facts).await;
    let current = match compared {
        Ok(compared) => planned(&transaction.db(), compared, shape, mode, copied, facts).await,
        Err(error) => Err(error),
    };
    transaction.rollback().await.map_err(failed)?;
    current
}

/// Inspects and compares.
pub(crate) async fn compare(
    db: &impl ConnectionTrait,
    settings: &Settings,
    shape: &Shape,
    depth: Depth,
    facts: &mut Facts,
) -> Result<(Inspection, Vec<Change>), Error> {
    let mut inspection = inspect::read_what_is_shown(db, settings, shape).await?;
    let rows = |table: &Table| {
        let reason = table.hides(HiddenPart::Rows)?;
        Some((table.name.clone(), reason.to_owned()))
    };
    facts.leave_out(inspection.found.iter().filter_map(rows).collect());
    let changes = changes(db, &inspection, shape, facts).await?;
    if depth == Depth::Differences && changes.is_empty() {
        return Ok((inspection, changes));
    }
    inspect::read_dependents(db, shape, &mut inspection).await?;
    let changes = self::changes(db, &inspection, shape, facts).await?;
    Ok((inspection, changes))
}

/// Compares until no fact is missing.
async fn changes(
    db: &impl ConnectionTrait,
    inspection: &Inspection,
    shape: &Shape,
    facts: &mut Facts,
) -> Result<Vec<Change>, Error> {
    for _ in 0..MOST_QUESTIONS {
        let changes = diff::changes(inspection, shape, facts);
        if !facts.complete(db).await? {
            return Ok(changes);
        }
    }
    let error = format!("after {MOST_QUESTIONS} rounds each answer still led to another question");
    Err(Error::looking_for("the rows that changes depend on")(
        DbErr::Custom(error),
    ))
}

/// Plans what was compared.
async fn planned(
    db: &impl ConnectionTrait,
    (inspection, changes): (Inspection, Vec<Change>),
    shape: &Shape,
    mode: TxMode,
    copied: &[Element],
    facts: &mut Facts,
) -> Result<Current, Error> {
    let context = Context {
        current: &inspection,
        shape,
        mode,
        copied,
    };
    let plans = plan::plan(&context, &changes);
    let mut sizes: Vec<(String, Size)> = Vec::new();
    for plan in &plans {
        let table = &plan.change.table;
        let is_known = sizes.iter().any(|(name, _)| name == table);
        let depends = depends_on_size(plan);
        let found = inspection.table(table).filter(|_| depends && !is_known);
        if let Some(found) = found
            && let Some(size) = facts::size(db, table, &found.placement).await?
        {
            sizes.push((table.clone(), size));
        }
    }
    Ok(Current {
        unknown: diff::unknown(&inspection, shape, facts),
        inspection,
        plans,
        sizes,
    })
}

/// Returns whether the time of a step depends on the size of its table, or may if the step is not
/// planned yet.
fn depends_on_size(plan: &Plan) -> bool {
    match &plan.remedy {
        Remedy::Repair(steps) => steps.iter().any(|step| step.lock.grows()),
        Remedy::Left(Obstacle::BlockedBy(_)) => true,
        Remedy::Left(Obstacle::DeleteOrphans | Obstacle::Manual(_)) => false,
    }
}

/// The completed steps, and the differences that could not be fixed.
pub struct Converged {
    /// The steps in their order.
    pub done: Vec<Done>,
    /// The failures; empty under [`Refusal::OfEverything`], which stops at the first.
    pub failed: Vec<Failed>,
    /// The last inspection, after all steps.
    pub current: Current,
}

/// A step that has failed, which another session may have run in the meantime.
struct Tried {
    element: Element,
    step: Step,
    error: Error,
}

impl Tried {
    /// Returns whether the next step would be the same one, or would clean up only to fail again.
    fn is_over(&self, plan: &Plan, step: &Step) -> bool {
        let fails_again = match &self.error {
            Error::Step { source, .. } => fails_again(source),
            _ => false,
        };
        self.step == *step || (fails_again && self.element == plan.change.element())
    }
}

/// An element that could not be fixed.
pub struct Failed {
    element: Element,
    /// The reason.
    pub error: Error,
}

/// Runs the first step of the first difference that can be fixed, until none is left.
///
/// Another session may have run a step that fails or gives way. Such a step counts as failed only
/// if it is still the next one after another inspection.
///
/// # Errors
///
/// - [`Error::Refused`] if not everything can be fixed under [`Refusal::OfEverything`].
/// - [`Error::RewriteTooLarge`] if a table above the limit would be copied or rewritten.
/// - The errors of the steps.
pub async fn converge(
    session: &Session<'_>,
    shape: &Shape,
    refusal: Refusal,
) -> Result<Converged, Error> {
    let mut done: Vec<Done> = Vec::new();
    let mut failed: Vec<Failed> = Vec::new();
    let mut tried: Option<Tried> = None;
    let mut trying: Option<Instant> = None;
    let mut refused_before: Option<String> = None;
    let started = Instant::now();
    let mut inspected_again: u32 = 0;
    let mut copied: Vec<Element> = Vec::new();
    let mut facts = Facts::default();
    let depth = match refusal {
        Refusal::OfEverything => Depth::Differences,
        // What is left is reported.
        Refusal::OfItself => Depth::Everything,
    };
    loop {
        let look = inspect_again(session, shape, depth, &copied, &mut facts).await?;
        let refused = |plan: &&Plan| !plan.remedy.is_repair();
        if refusal == Refusal::OfEverything && look.plans.iter().any(|plan| refused(&plan)) {
            let refused = look.plans.iter().filter(refused);
            let error =
                report::refused(look.inspection.location.clone(), shape, refused, done.len());
            let text = error.to_string();
            // MySQL's catalog has no snapshot: an inspection concurrent with another node's steps
            // may mix two states.
            if session.backend() != Engine::MySql
                || refused_before.as_ref() == Some(&text)
                || started.elapsed() >= session.settings.lock_wait
            {
                return Err(error);
            }
            refused_before = Some(text);
            continue;
        }
        refuse_large(session, shape, &look, &look.plans, done.len())?;
        let Some((plan, step)) = next(shape, &look.plans, &failed) else {
            return match refusal {
                // A migration is not recorded as applied unless everything is as declared.
                Refusal::OfEverything if !look.plans.is_empty() => Err(report::still_differs(
                    look.inspection.location,
                    shape,
                    &look.plans,
                )),
                Refusal::OfEverything | Refusal::OfItself => Ok(Converged {
                    done,
                    failed,
                    current: look,
                }),
            };
        };
        let is_copied = copied.contains(&plan.change.element());
        if !is_planned(session, shape, plan, step, is_copied) {
            return Err(Error::Unplanned {
                location: look.inspection.location.clone(),
                statement: step.statements.join("; "),
                done: done.len(),
            });
        }
        let really_failed = match tried.take_if(|tried| tried.is_over(plan, step)) {
            Some(Tried { error, .. }) => Some(error),
            // A step that fails again after each cleaning up is the reason.
            None => changed_nothing(step, &done, shape.most_steps())
                .map(|no_end| tried.take().map_or(no_end, |tried| tried.error)),
        };
        let started = trying.take().unwrap_or_else(Instant::now);
        let outcome = match really_failed {
            Some(error) => Outcome::Failed(error),
            None => {
                let size = look.size_of(&plan.change.table);
                apply::take(session, shape, &plan.change, step, size).await
            }
        };
        match (&outcome, plan.change.difference.part()) {
            // MySQL adds a key without checking the rows, which are counted right before.
            (Outcome::Done(_), part) if session.backend() != Engine::MySql => {
                facts.retain(|question| is_left_by(&part, question));
            }
            _ => facts.forget(),
        }
        match outcome {
            Outcome::Done(step) => {
                // A step that failed before may have waited for this one.
                tried = None;
                done.push(step);
            }
            // The step itself may have waited only for its last attempt.
            Outcome::GaveWay(Error::InUse { work, holder, .. })
                if started.elapsed() >= session.settings.lock_wait =>
            {
                return Err(wait::in_use(
                    session.settings,
                    started.elapsed(),
                    work,
                    holder,
                ));
            }
            Outcome::GaveWay(_) => {
                trying = Some(started);
                apply::leave_it_to_others(session).await;
            }
            Outcome::WouldCopy(_) if !copied.contains(&plan.change.element()) => {
                copied.push(plan.change.element());
            }
            Outcome::InspectAgain(error) if inspected_again < MOST_INSPECTIONS => {
                inspected_again += 1;
                tried = Some(Tried {
                    element: plan.change.element(),
                    step: step.clone(),
                    error,
                });
            }
            Outcome::InspectAgain(error) | Outcome::Failed(error) | Outcome::WouldCopy(error)
                if refusal == Refusal::OfEverything =>
            {
                return Err(error);
            }
            Outcome::InspectAgain(error) | Outcome::Failed(error) | Outcome::WouldCopy(error) => {
                failed.push(Failed {
                    element: plan.change.element(),
                    error,
                })
            }
            Outcome::CommitUnknown(error) => return Err(error),
        }
        session.require_turn().await?;
    }
}

/// Refuses plans that would copy or rewrite a table above the limit.
pub(crate) fn refuse_large(
    session: &Session<'_>,
    shape: &Shape,
    current: &Current,
    plans: &[Plan],
    done: usize,
) -> Result<(), Error> {
    let limit = session.settings.max_rewrite;
    for plan in plans {
        let size = current.size_of(&plan.change.table);
        let report = DifferenceReport::of(plan, shape, size);
        let large = report.steps().iter().find_map(|step| {
            let bytes = step.rewrites.above(limit)?;
            Some((bytes, step.lock.clone()))
        });
        if let Some((bytes, lock)) = large {
            return Err(Error::RewriteTooLarge {
                location: Box::new(current.inspection.location.clone()),
                table: report.table,
                found: format!("{}: {}", report.part, report.found),
                lock,
                bytes,
                limit,
                done,
            });
        }
    }
    Ok(())
}

/// Returns whether a step is one that was reviewed: the tables may have changed since the review.
fn is_planned(
    session: &Session<'_>,
    shape: &Shape,
    plan: &Plan,
    step: &Step,
    is_copied: bool,
) -> bool {
    let Some(planned) = &session.settings.planned else {
        return true;
    };
    let is_spelled_so = step
        .statements
        .iter()
        .all(|one| planned.statements.contains(one));
    match session.backend() {
        Engine::Postgres | Engine::Sqlite => is_spelled_so,
        // After an earlier step on the same column, the server prints its type in words of its own.
        Engine::MySql => is_spelled_so || (!is_copied && is_found_as_planned(planned, shape, plan)),
    }
}

fn is_found_as_planned(planned: &Planned, shape: &Shape, plan: &Plan) -> bool {
    let change = &plan.change;
    let (part, found) = (
        diff::name::name(shape, &change.element()),
        change.sentence(),
    );
    let found = Planned::without_numbers(&found);
    let is_it = |(table, planned_part, planned_found): &(String, String, String)| {
        (table, planned_part, planned_found) == (&change.table, &part, &found)
    };
    planned.found.iter().any(is_it)
}

/// Returns whether an answer is as valid after a step on this part of a table as before, so that
/// the rows need not be counted again. If other sessions change the rows in the meantime, the
/// server notices in the step that relies on the answer.
fn is_left_by(part: &Part, question: &Question) -> bool {
    match (part, question) {
        (
            Part::Column(_)
            | Part::PrimaryKey
            | Part::AutoIncrement
            | Part::Index(_)
            | Part::Storage(_),
            Question::Nulls { .. } | Question::Orphans { .. },
        )
        | (Part::ForeignKey(_), Question::Nulls { .. }) => true,
        (Part::ForeignKey(_), Question::Orphans { .. })
        | (Part::Table | Part::Placement | Part::Rows(_), _)
        | (
            _,
            Question::IsEmpty { .. }
            | Question::Keys { .. }
            | Question::Duplicates { .. }
            | Question::Numbers { .. }
            | Question::Unreadable { .. }
            | Question::Refused { .. }
            | Question::Unwritable { .. },
        ) => false,
    }
}

/// Returns the next step, without what has failed and what depends on it. A table that could not be
/// converted to InnoDB keeps no foreign key, and its indexes may have been the reason.
fn next<'p>(shape: &Shape, plans: &'p [Plan], failed: &[Failed]) -> Option<(&'p Plan, &'p Step)> {
    let is_left = |plan: &&Plan| {
        failed.iter().any(|Failed { element, .. }| {
            plan.change.element() == *element
                || is_built_on(shape, &plan.change, element)
                || *element == Element::new(&plan.change.table, Part::Table)
        })
    };
    plans
        .iter()
        .filter(|plan| !is_left(plan))
        .find_map(|plan| Some((plan, plan.remedy.steps()?.first())))
}

/// Returns an error if a step was done just now, or twice: another session undoes it as often as it
/// is done.
fn changed_nothing(step: &Step, done: &[Done], most: usize) -> Option<Error> {
    let is_same = |done: &&Done| done.statements == step.statements;
    let is_last = done.last().as_ref().is_some_and(is_same);
    let is_endless = is_last || done.iter().filter(is_same).count() >= 2 || done.len() >= most;
    is_endless.then(|| Error::NoEnd {
        last: step.statements.join("; "),
    })
}

/// Deletes orphans after their values have been handed over.
///
/// # Errors
///
/// [`Error::OrphansNotStored`], [`Error::OrphansKept`] and the database's errors.
pub async fn delete_orphans(
    session: &Session<'_>,
    shape: &Shape,
    handover: &Handover<'_>,
) -> Result<(), Error> {
    let current = inspect(session, shape).await?;
    for plan in current.orphans() {
        purge::delete(session, &current.inspection, shape, &plan.change, handover).await?;
        session.require_turn().await?;
    }
    Ok(())
}
