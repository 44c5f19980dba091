//! The elements that could not be compared, because this role may not see what they depend on.

use super::{Element, Part, find::unfilled};
use crate::{
    declare::{Role, Shape},
    facts::{Facts, Question},
    inspect::Inspection,
    model::HiddenPart,
};

/// An element that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    pub(crate) element: Element,
    pub(crate) reason: String,
}

/// Returns what could not be compared of a shape, each element once.
pub(crate) fn unknown(current: &Inspection, shape: &Shape, facts: &Facts) -> Vec<Unknown> {
    let own = shape.tables.iter().filter(|one| one.role == Role::Own);
    let keys = own.flat_map(|declared| {
        let table = current.table(&declared.table.name);
        let reason = table.and_then(|table| table.hides(HiddenPart::ForeignKeys));
        let keys = declared.table.foreign_keys.iter();
        reason.into_iter().flat_map(move |reason| {
            keys.clone().map(move |key| Unknown {
                element: Element::new(&declared.table.name, Part::ForeignKey(key.columns.concat())),
                reason: reason.to_owned(),
            })
        })
    });
    let own = shape.tables.iter().filter(|one| one.role == Role::Own);
    let triggers = own.filter_map(|declared| {
        let table = current.table(&declared.table.name)?;
        let reason = table.hides(HiddenPart::Triggers)?;
        let newest = shape.newest_form(&declared.table);
        unfilled(newest, table).next().map(|_| Unknown {
            element: Element::new(&table.name, Part::Table),
            reason: reason.to_owned(),
        })
    });
    let hidden = facts.hidden().iter().map(|(question, reason)| Unknown {
        element: about(shape, question),
        reason: reason.clone(),
    });
    let mut all: Vec<Unknown> = Vec::new();
    for one in keys.chain(triggers).chain(hidden) {
        if !all.iter().any(|other| other.element == one.element) {
            all.push(one);
        }
    }
    all
}

/// Returns the element that a question about rows concerns.
fn about(shape: &Shape, question: &Question) -> Element {
    match question {
        Question::IsEmpty { table }
        | Question::Refused { table }
        | Question::Unwritable { table, .. } => Element::new(table, Part::Table),
        Question::Nulls { table, column } | Question::Unreadable { table, column, .. } => {
            Element::new(table, Part::Column(column.clone()))
        }
        Question::Keys { table, .. } => Element::new(table, Part::PrimaryKey),
        Question::Duplicates { table, columns } => {
            let declared = shape.table_named(table);
            let mut indexes = declared.into_iter().flat_map(|table| &table.indexes);
            let index = indexes.find(|index| index.is_unique && index.columns == *columns);
            let part = index.map_or(Part::Table, |index| Part::Index(index.name.clone()));
            Element::new(table, part)
        }
        Question::Orphans { table, key, .. } => {
            Element::new(table, Part::Rows(key.columns.concat()))
        }
        Question::Numbers { table, .. } => Element::new(table, Part::AutoIncrement),
    }
}
