//! What would be planned step after step: each step changes an inspection in memory, as it would the database.

use crate::{
    declare::Shape,
    diff::{self, Change, Difference},
    facts::Facts,
    inspect::Inspection,
    plan::{self, Context, Plan, Step, Steps},
    session::TxMode,
    simulated,
};

/// An inspection, and the changes that have been made in it.
pub(crate) struct Foresight {
    current: Inspection,
    made: Vec<Change>,
}

impl Foresight {
    pub(crate) fn of(current: Inspection) -> Self {
        Self {
            current,
            made: Vec::new(),
        }
    }

    /// Returns the plans for all changes in the order in which they would be made, and after them what is left.
    /// Nothing is known of rows but what the facts say: those of a new column are NULL.
    pub(crate) fn plans(
        &mut self,
        shape: &Shape,
        mode: TxMode,
        copied: &[diff::Element],
        facts: &mut Facts,
    ) -> Vec<Plan> {
        let mut all = Vec::new();
        for _ in 0..shape.most_steps() {
            let mut changes = diff::changes(&self.current, shape, facts);
            changes.retain(|change| !self.made.contains(change));
            let context = Context {
                current: &self.current,
                shape,
                mode,
                copied,
            };
            let plans = plan::plan(&context, &changes);
            let Some((at, steps)) = first_repair(&plans) else {
                all.extend(plans);
                return all;
            };
            let steps = steps.clone();
            // SQLite makes several changes by rebuilding the table once.
            let same = plans.iter().filter(|plan| plan.remedy == plans[at].remedy);
            let same: Vec<Change> = same.map(|plan| plan.change.clone()).collect();
            for change in &same {
                self.make(shape, change, &steps);
            }
            self.made.extend(same);
            all.extend(plans.into_iter().nth(at));
        }
        all
    }

    fn make(&mut self, shape: &Shape, change: &Change, steps: &Steps) {
        let current = &mut self.current;
        let statements = steps.iter().flat_map(|step| &step.statements);
        let statements: Vec<String> = statements.cloned().collect();
        if steps.iter().any(Step::rebuilds) {
            current.edit(&change.table, |table| {
                plan::rebuild_statement(table, &statements);
            });
        }
        match &change.difference {
            Difference::TableAbsent | Difference::RequiredAbsent { .. } => {
                let declared = shape.declared(&change.table);
                current.found.extend(declared.map(|declared| {
                    let mut table = simulated::table(current.backend, declared, None);
                    table.schema.clone_from(&current.place.schema);
                    table.extras.statements = statements;
                    current.names.extend(simulated::names(&table));
                    table
                }));
            }
            Difference::ColumnAbsent { declared, .. } => {
                let declared = declared.clone();
                current.edit(&change.table, |table| {
                    table.columns.push(declared);
                    plan::add_to_statement(table, &statements);
                });
            }
            Difference::IndexAbsent { declared, .. } => {
                current.names.push(declared.name.clone());
                current.edit(&change.table, |table| {
                    table.indexes.push(declared.clone());
                    table.extras.statements.extend(statements);
                });
            }
            Difference::ForeignKeyAbsent { declared } => {
                current.names.extend(declared.name.clone());
                current.edit(&change.table, |table| {
                    table.foreign_keys.push(declared.clone());
                });
            }
            // That it is made is all that another change may depend on.
            Difference::RequiredUnfit { .. }
            | Difference::NotATable { .. }
            | Difference::StorageEngine { .. }
            | Difference::Narrow { .. }
            | Difference::WrongType { .. }
            | Difference::Generated { .. }
            | Difference::Unreadable { .. }
            | Difference::RowsRefused { .. }
            | Difference::InsteadRule { .. }
            | Difference::Nullable { .. }
            | Difference::NotNullable { .. }
            | Difference::PrimaryKey { .. }
            | Difference::AutoIncrement { .. }
            | Difference::SequenceBehind { .. }
            | Difference::SequenceNarrow { .. }
            | Difference::Placement { .. }
            | Difference::Orphans(_)
            | Difference::ForeignKeyUnlike { .. }
            | Difference::ForeignKeyUnvalidated { .. }
            | Difference::ForeignKeyElsewhere { .. }
            | Difference::IndexUnfit { .. }
            | Difference::IndexUnique { .. }
            | Difference::Storage { .. }
            | Difference::InsertBlocked { .. } => {}
        }
    }
}

/// The first plan with steps.
fn first_repair(plans: &[Plan]) -> Option<(usize, &Steps)> {
    let mut all = plans.iter().enumerate();
    all.find_map(|(at, plan)| Some((at, plan.remedy.steps()?)))
}
