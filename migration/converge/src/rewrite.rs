//! The limit on what may be copied or rewritten.

use crate::{
    Error,
    converge::{self, Depth, refuse_large},
    declare::Shape,
    diff::Difference,
    facts::Facts,
    foresee::Foresight,
    session::Session,
};

/// What happens to orphans before a table is rewritten, which may have to wait for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrphansFirst {
    /// They are kept.
    Kept,
    /// They are deleted.
    Deleted,
}

/// Refuses a shape for which a table above the limit would be copied or rewritten, after any number
/// of steps. Changes nothing.
///
/// # Errors
///
/// - [`Error::RewriteTooLarge`].
/// - [`Error::Lookup`] if the catalog or the rows cannot be read.
pub async fn require_small_rewrites(
    session: &Session<'_>,
    shape: &Shape,
    orphans: OrphansFirst,
) -> Result<(), Error> {
    let mut facts = Facts::default();
    let current =
        converge::inspect_as_shown(session, shape, Depth::Differences, &mut facts).await?;
    let mut foresight = Foresight::of(current.inspection.clone());
    if orphans == OrphansFirst::Deleted {
        let changes = current.plans.iter().map(|plan| &plan.change);
        let orphans = changes.filter(|one| matches!(one.difference, Difference::Orphans(_)));
        foresight.take_as_made(orphans.cloned());
    }
    let plans = foresight.plans(shape, session.tx_mode(), &[], &mut facts);
    refuse_large(session, shape, &current, &plans, 0)
}
