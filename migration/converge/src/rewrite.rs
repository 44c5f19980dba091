//! The limit of what may be copied or rewritten.

use crate::{
    Error,
    converge::{self, Current},
    declare::Shape,
    diff::Difference,
    facts::Facts,
    foresee::Foresight,
    plan::Plan,
    report::DifferenceReport,
    session::Session,
};

/// What becomes of orphans before a table is rewritten, which may wait for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrphansFirst {
    /// They stay.
    Kept,
    /// They are deleted.
    Deleted,
}

/// Refuses a shape for which a table above the limit would be copied or rewritten, after whichever steps. It changes
/// nothing.
///
/// # Errors
///
/// [`Error::RewriteTooLarge`], and [`Error::Lookup`] where the catalog or the rows cannot be read.
pub async fn require_small_rewrites(
    session: &Session<'_>,
    shape: &Shape,
    orphans: OrphansFirst,
) -> Result<(), Error> {
    let mut facts = Facts::default();
    let current = converge::inspect_as_shown(session, shape, &mut facts).await?;
    let mut foresight = Foresight::of(current.inspection.clone());
    if orphans == OrphansFirst::Deleted {
        let changes = current.plans.iter().map(|plan| &plan.change);
        let orphans = changes.filter(|one| matches!(one.difference, Difference::Orphans(_)));
        foresight.take_as_made(orphans.cloned());
    }
    let plans = foresight.plans(shape, session.tx_mode(), &[], &mut facts);
    refuse_large(session, shape, &current, &plans, 0)
}

/// Refuses plans for which a table above the limit would be copied or rewritten.
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
                place: Box::new(current.inspection.place.clone()),
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
