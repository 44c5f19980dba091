//! What a migration would run, found without changing anything.

use crate::{
    Error,
    converge::{self, Record},
    declare::{Declared, Role, Shape},
    diff::{self, Change},
    facts::Facts,
    inspect::Inspection,
    plan::{self, Context, Step, Steps},
    report,
    required::Referrers,
    script::simulated,
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
        let is_missing = |one: &&Declared| {
            one.role == Role::Own && current.inspection.table(&one.table.name).is_none()
        };
        let missing: Vec<&Declared> = newer.tables.iter().filter(is_missing).collect();
        // What a new table gets after it was made is not among the differences of one that is missing.
        let made_now = missing
            .iter()
            .filter(|one| older.declared(&one.table.name).is_none());
        let stored = made_now.flat_map(|one| plan::store_new(&current.inspection, one));
        let added = added(session, &current.inspection, older, newer, &missing);
        Ok(statements.chain(stored).chain(added).collect())
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

/// The statements that a version adds to tables that an earlier one of the previewed versions makes.
fn added(
    session: &Session<'_>,
    current: &Inspection,
    older: &Shape,
    newer: &Shape,
    missing: &[&Declared],
) -> Vec<String> {
    let mut simulated = simulated::after(current.backend, older, current.compression);
    // A statement that is run alone names the schema.
    for table in &mut simulated.found {
        table.schema.clone_from(&current.place.schema);
    }
    let is_made_before = |change: &Change| {
        let mut missing = missing.iter().map(|one| one.table.name.as_str());
        missing.any(|table| table == change.table) && older.has_own(&change.table)
    };
    let changes = diff::changes(&simulated, newer, &mut Facts::default());
    let changes: Vec<Change> = changes.into_iter().filter(is_made_before).collect();
    let context = Context {
        current: &simulated,
        shape: newer,
        mode: session.tx_mode(),
        copied: &[],
    };
    let plans = plan::plan(&context, &changes);
    let steps = plans.iter().filter_map(|plan| plan.remedy.steps());
    let steps = steps.flat_map(Steps::iter);
    steps.flat_map(|step| step.statements.clone()).collect()
}
