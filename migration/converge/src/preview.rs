//! Previews of what a migration would run, which change nothing.

use crate::{
    Error, converge,
    declare::Shape,
    facts::Facts,
    foresee::Foresight,
    plan::Plan,
    report::{self, DifferenceReport},
    required::Referrers,
    roll_back::{self, Record},
    session::Session,
};

/// Previews of several migrations in a row: each is planned as if those before it had been run.
#[derive(Default)]
pub struct Previewed {
    foresight: Option<Foresight>,
    undone: Referrers,
}

impl Previewed {
    /// Returns the differences that would be fixed to converge on this shape, each with its steps,
    /// except those that an earlier migration would fix.
    ///
    /// # Errors
    ///
    /// - [`Error::Refused`] if not all differences can be fixed.
    /// - [`Error::Lookup`] if the shape cannot be read.
    pub async fn up(
        &mut self,
        session: &Session<'_>,
        shape: &Shape,
    ) -> Result<Vec<DifferenceReport>, Error> {
        let mut facts = Facts::default();
        let current = converge::inspect_knowing(session, shape, &mut facts).await?;
        let refused = current.plans.iter().filter(|plan| !plan.remedy.is_repair());
        if refused.clone().next().is_some() {
            let location = current.inspection.location.clone();
            return Err(report::refused(location, shape, refused, 0));
        }
        let foresight = self
            .foresight
            .get_or_insert_with(|| Foresight::of(current.inspection.clone()));
        let plans = foresight.plans(shape, session.tx_mode(), &[], &mut facts);
        let report =
            |plan: &Plan| DifferenceReport::of(plan, shape, current.size_of(&plan.change.table));
        Ok(plans.iter().map(report).collect())
    }

    /// Returns the statements that would undo what the newer shape declares beyond the older one.
    ///
    /// # Errors
    ///
    /// [`Error::ReferredTo`] if another table refers to one that would be dropped.
    pub async fn down(
        &mut self,
        session: &Session<'_>,
        older: &Shape,
        newer: &Shape,
        forget: String,
    ) -> Result<Vec<String>, Error> {
        let record = Record::Ours(forget);
        let (steps, undo) = roll_back::undoing(session, older, newer, record, &self.undone).await?;
        self.undone = self.undone.and(&undo);
        Ok(steps.into_iter().flat_map(|step| step.statements).collect())
    }
}
