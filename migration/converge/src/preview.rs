//! What a migration would run, found without changing anything.

use crate::{
    Error,
    converge::{self, Record},
    declare::{Role, Shape},
    diff::Change,
    plan::{self, Step, Steps},
    report,
    required::Referrers,
    session::Session,
};

/// Previews of several migrations one after another: each is planned as if those before it had been run.
#[derive(Default)]
pub struct Previewed {
    fixed: Vec<Change>,
    gone: Referrers,
}

impl Previewed {
    /// Returns the statements with which the current shape would converge on this one, except those that an earlier
    /// migration would run.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where not all differences can be fixed, [`Error::Lookup`] where the shape cannot be read.
    pub async fn up(
        &mut self,
        session: &Session<'_>,
        older: &Shape,
        newer: &Shape,
    ) -> Result<Vec<String>, Error> {
        let current = converge::inspect(session, newer).await?;
        let refused = current.plans.iter().filter(|plan| !plan.remedy.is_repair());
        if refused.clone().next().is_some() {
            let place = current.inspection.place.clone();
            return Err(report::refused(place, newer, refused, 0));
        }
        let mut steps: Vec<&Step> = Vec::new();
        for plan in &current.plans {
            if self.fixed.contains(&plan.change) {
                continue;
            }
            self.fixed.push(plan.change.clone());
            for step in plan.remedy.steps().into_iter().flat_map(Steps::iter) {
                // SQLite fixes several in one step.
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
        }
        let statements = steps.iter().flat_map(|step| step.statements.clone());
        // What a new table gets after it was made is not among the differences of one that is missing.
        let new_storage = newer.tables.iter().filter(|one| {
            let before = older.declared(&one.table.name);
            let is_declared_now =
                before.is_none_or(|before| before.fast_storage != one.fast_storage);
            let is_missing = current.inspection.table(&one.table.name).is_none();
            one.role == Role::Own && is_declared_now && is_missing
        });
        let new_storage = new_storage.flat_map(|one| plan::store_new(&current.inspection, one));
        Ok(statements.chain(new_storage).collect())
    }

    /// Returns the statements that would undo what the newer shape declares beyond the older one.
    ///
    /// # Errors
    ///
    /// [`Error::ReferredTo`] where another table refers to one that would be dropped.
    pub async fn down(
        &mut self,
        session: &Session<'_>,
        older: &Shape,
        newer: &Shape,
        forget: String,
    ) -> Result<Vec<String>, Error> {
        let record = Record::Ours(forget);
        let steps = converge::undoing(session, older, newer, record, &self.gone).await?;
        let is_new = |table: &&str| older.declared(table).is_none();
        let dropped = newer.own_tables().filter(is_new).map(str::to_owned);
        self.gone.gone.extend(dropped);
        Ok(steps.into_iter().flat_map(|step| step.statements).collect())
    }
}
