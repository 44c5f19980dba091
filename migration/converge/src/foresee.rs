//! Predicts what would be planned step after step: each step changes an inspection in memory as it
//! would change the database.

use crate::{
    declare::Shape,
    diff::{self, Change, Difference},
    facts::Facts,
    inspect::Inspection,
    model::Table,
    plan::{self, Context, Plan, Step, Steps, Undone},
    session::TxMode,
    simulated,
};

/// An inspection, and the changes that have been made to it.
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

    /// Treats these changes as made by something else.
    pub(crate) fn take_as_made(&mut self, changes: impl Iterator<Item = Change>) {
        self.made.extend(changes);
    }

    /// Returns the plans for all changes in the order in which they would be made, and after them
    /// those that are left. Rows are known only from the facts; the values of a new column are
    /// NULL.
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
                    table.schema.clone_from(&current.location.schema);
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
            // Other changes depend only on the table's existence.
            Difference::RequiredUnfit { .. }
            | Difference::NotATable { .. }
            | Difference::StorageEngine { .. }
            | Difference::Narrow { .. }
            | Difference::WrongType { .. }
            | Difference::Generated { .. }
            | Difference::Unreadable { .. }
            | Difference::RowsRefused { .. }
            | Difference::Unwritable { .. }
            | Difference::InsteadRule { .. }
            | Difference::Nullable { .. }
            | Difference::NotNullable { .. }
            | Difference::PrimaryKey { .. }
            | Difference::AutoIncrement { .. }
            | Difference::NumbersBehind { .. }
            | Difference::SequenceLimited { .. }
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

/// Changes an inspection as undoing these parts, one after the other, would change the database.
pub(crate) fn undo(current: &mut Inspection, undone: &[Undone]) {
    for part in undone {
        if let Undone::Index { name, .. } = part {
            current.names.retain(|one| one != name);
        }
        match part {
            Undone::Table { table } => {
                current.found.retain(|one| one.name != *table);
                current.tables.retain(|one| one != table);
            }
            Undone::ForeignKey { table, .. }
            | Undone::Index { table, .. }
            | Undone::Column { table, .. }
            | Undone::Storage { table, .. } => current.edit(table, |table| {
                undo_within(table, part);
                plan::undo_in_statements(table, part);
            }),
        }
    }
}

fn undo_within(table: &mut Table, part: &Undone) {
    match part {
        Undone::ForeignKey { key, .. } => table.foreign_keys.retain(|one| one != key),
        Undone::Index { name, .. } => table.indexes.retain(|one| one.name != *name),
        // The column's indexes are dropped with it.
        Undone::Column { column, .. } => {
            table.columns.retain(|one| one.name != *column);
            table.indexes.retain(|one| !one.columns.contains(column));
        }
        Undone::Storage { column, .. } => {
            let mut columns = table.columns.iter_mut();
            if let Some(column) = columns.find(|one| one.name == *column) {
                column.attributes.storage.clear();
            }
        }
        Undone::Table { .. } => {}
    }
}

/// Returns the first plan with steps.
fn first_repair(plans: &[Plan]) -> Option<(usize, &Steps)> {
    let mut all = plans.iter().enumerate();
    all.find_map(|(at, plan)| Some((at, plan.remedy.steps()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::Engine,
        model::{Attributes, Column, Extras, Filled, ForeignKey, Index, Kind, Type},
        simulated,
    };

    fn notes() -> Table {
        let column = |name: &str| Column {
            name: name.to_owned(),
            printed: "integer".to_owned(),
            kind: Type::INTEGER,
            nullable: true,
            default: None,
            filled: Filled::ByDefault,
            attributes: Attributes::default(),
        };
        Table {
            columns: ["id", "user_id", "body"].map(column).into(),
            indexes: vec![Index::declared("ix", vec!["body".to_owned()], false)],
            foreign_keys: vec![ForeignKey {
                name: None,
                columns: vec!["user_id".to_owned()],
                table: "users".to_owned(),
                references: vec!["id".to_owned()],
                on_delete: "CASCADE".to_owned(),
                on_update: "NO ACTION".to_owned(),
                timing: String::new(),
                comment: None,
                validated: None,
                enforced: true,
            }],
            extras: Extras {
                statements: vec![
                    "CREATE TABLE notes (id integer, user_id integer REFERENCES users (id) ON DELETE CASCADE, body integer)".to_owned(),
                    "CREATE INDEX ix ON notes (body)".to_owned(),
                ],
                ..Extras::default()
            },
            ..Table::new("notes", Kind::Table)
        }
    }

    #[test]
    fn what_was_undone_before_is_not_made_again() {
        let mut current = simulated::inspection(Engine::Sqlite, &[], None);
        let key = notes().foreign_keys[0].clone();
        current.found.push(notes());
        let table = "notes".to_owned();
        let before = [
            Undone::Index {
                table: table.clone(),
                schema: None,
                name: "ix".to_owned(),
            },
            Undone::Column {
                table: table.clone(),
                column: "body".to_owned(),
            },
        ];

        undo(&mut current, &before);

        let undone = plan::Undo {
            parts: vec![Undone::ForeignKey { table, key }],
        };
        let steps = plan::undo(Engine::Sqlite, &undone, Some(&current), &[], None);
        let steps = steps.expect("a plan");
        let statements = &steps[0].statements;
        assert_eq!(
            statements[0],
            "CREATE TABLE \"notes_rebuilt\" (id integer, user_id integer )"
        );
        assert!(
            !statements.iter().any(|one| one.contains("body")),
            "{statements:?}"
        );
        undo(&mut current, &undone.parts);
        assert_eq!(
            current.found[0].extras.statements,
            ["CREATE TABLE notes (id integer, user_id integer )"]
        );
    }
}
