//! The names of the elements of a shape, and what is declared of each.

use super::{Element, Part, placement};
use crate::{
    declare::{Declared, Role, Shape},
    inspect::Inspection,
    model::{Column, ForeignKey, Index, Placement},
};

/// Returns the name of an element. It contains the table if the shape has several of its own, and
/// the index or the column of a foreign key if the table has several.
pub(crate) fn name(shape: &Shape, element: &Element) -> String {
    let Element { table, part } = element;
    let declared = shape.table_named(table);
    let of_several = |count: Option<usize>, name: &str, which: &str| match count {
        Some(0 | 1) | None => name.to_owned(),
        Some(_) => format!("{name} {which}"),
    };
    let is_alone = shape.own_tables().count() < 2;
    let within = |name: String| match is_alone {
        true => name,
        false => format!("{table} {name}"),
    };
    let keys = declared.map(|table| table.foreign_keys.len());
    match part {
        Part::Table => table.clone(),
        Part::Column(column) if is_alone => column.clone(),
        Part::Column(column) => format!("{table}.{column}"),
        Part::PrimaryKey => within("primary key".to_owned()),
        Part::AutoIncrement => within("auto-increment".to_owned()),
        Part::Placement => within("placement".to_owned()),
        Part::Index(index) => {
            let count = declared.map(|table| table.indexes.len());
            within(of_several(count, "index", index))
        }
        Part::ForeignKey(column) => within(of_several(keys, "foreign key", column)),
        Part::Rows(column) => within(of_several(keys, "rows", column)),
        Part::Storage(column) => {
            let count = shape.declared(table).map(|one| one.fast_storage.len());
            within(of_several(count, "storage", column))
        }
    }
}

/// Returns every element that a shape declares, in the order in which they are reported.
pub(crate) fn elements(shape: &Shape) -> Vec<Element> {
    shape.tables.iter().flat_map(of_table).collect()
}

fn of_table(
    Declared {
        table,
        role,
        fast_storage,
    }: &Declared,
) -> Vec<Element> {
    let mut parts = vec![Part::Table];
    match role {
        Role::Required { .. } => {}
        Role::Own => {
            let column = |column: &Column| Part::Column(column.name.clone());
            let by = |key: &ForeignKey| key.columns.concat();
            parts.extend(table.columns.iter().map(column));
            parts.push(Part::PrimaryKey);
            parts.extend(table.auto_increment().map(|_| Part::AutoIncrement));
            parts.push(Part::Placement);
            parts.extend(
                table
                    .indexes
                    .iter()
                    .map(|index: &Index| Part::Index(index.name.clone())),
            );
            parts.extend(
                table
                    .foreign_keys
                    .iter()
                    .map(|key| Part::ForeignKey(by(key))),
            );
            parts.extend(table.foreign_keys.iter().map(|key| Part::Rows(by(key))));
            parts.extend(fast_storage.iter().cloned().map(Part::Storage));
        }
    }
    let element = |part| Element::new(&table.name, part);
    parts.into_iter().map(element).collect()
}

/// Returns whether an element exists on this server. If not, it is not compared.
pub(crate) fn applies(current: &Inspection, shape: &Shape, element: &Element) -> bool {
    let declared = shape.table_named(&element.table);
    match element.part {
        Part::Placement => {
            declared.is_some_and(|table| *current.parent_placement(table) != Placement::Local)
        }
        Part::Storage(_) => current.compression.is_some(),
        Part::Table
        | Part::Column(_)
        | Part::PrimaryKey
        | Part::AutoIncrement
        | Part::Index(_)
        | Part::ForeignKey(_)
        | Part::Rows(_) => true,
    }
}

/// Returns what is declared of an element, in words.
pub(crate) fn declared(current: &Inspection, shape: &Shape, element: &Element) -> String {
    let Some(Declared { table, role, .. }) = shape.declared(&element.table) else {
        return String::new();
    };
    let key = |column: &str| {
        let mut keys = table.foreign_keys.iter();
        keys.find(move |key| key.columns == [column])
    };
    match &element.part {
        Part::Table => match role {
            Role::Own => "a table".to_owned(),
            Role::Required { .. } => format!(
                "a table whose {} a foreign key can refer to",
                table.primary_key.join(" and ")
            ),
        },
        Part::Column(column) => match table.column(column) {
            Some(Column {
                kind,
                nullable: true,
                ..
            }) => kind.to_string(),
            Some(Column { kind, .. }) => format!("{kind}, not null"),
            None => String::new(),
        },
        Part::PrimaryKey => placement::primary_key(current, table).join(" and "),
        Part::AutoIncrement => {
            let numbered = table.auto_increment().map_or("", |column| &column.name);
            format!("{numbered}, past the largest there is")
        }
        Part::Placement => match table.parent_key() {
            Some(key) => format!("where Citus has the rows of {}", key.table),
            None => String::new(),
        },
        Part::Index(name) => {
            let index = table.indexes.iter().find(|index| index.name == *name);
            let unique = match index.is_some_and(|index| index.is_unique) {
                true => ", unique",
                false => "",
            };
            let columns = index.map(|index| index.columns.join(" and "));
            format!("{name} on {}{unique}", columns.unwrap_or_default())
        }
        Part::ForeignKey(column) => match key(column) {
            Some(key) => format!(
                "{column} to {}({}), ON DELETE {}",
                key.table,
                key.references.concat(),
                key.on_delete
            ),
            None => String::new(),
        },
        Part::Rows(column) => match key(column) {
            Some(key) => format!("each with its row of {}", key.table),
            None => String::new(),
        },
        Part::Storage(column) => format!("{column} compressed with lz4, or not at all"),
    }
}
