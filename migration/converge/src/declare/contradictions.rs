//! Finds, from the model alone, what a declaration contains that some engine cannot create or that
//! this engine cannot distinguish.

use std::collections::BTreeSet;

use super::{Role, Shape};
use crate::{
    model::{Column, ForeignKey, Index, Table},
    types::{Length, Type},
};

/// The longest name: PostgreSQL's limit, in bytes. MySQL's limit of 64 characters is higher.
pub(crate) const LONGEST_NAME: usize = 63;

/// The longest indexed text, in characters of four bytes: InnoDB indexes at most 3,072 bytes.
const LONGEST_INDEXED: u32 = 768;

/// The longest varchar, in characters of four bytes: a row of MySQL has at most 65,535 bytes.
const LONGEST_VARCHAR: u32 = 16_383;

/// The longest row of MySQL, in bytes of all columns that are stored in the row.
const LONGEST_ROW: u32 = 65_535;

/// The most digits of a MySQL decimal, and of its fraction.
const MOST_DIGITS: (u32, u32) = (65, 30);

/// Returns everything that contradicts itself or cannot be created.
pub(super) fn find(shape: &Shape) -> Vec<String> {
    let tables = shape.tables.iter().map(|declared| &declared.table);
    let mut found: Vec<String> = tables.flat_map(|table| of_table(shape, table)).collect();
    found.extend(twice(
        shape
            .tables
            .iter()
            .flat_map(|one| one.table.indexes.iter())
            .map(|index| index.name.as_str()),
        "index",
    ));
    found
}

fn of_table(shape: &Shape, table: &Table) -> Vec<String> {
    let columns = table.columns.iter().map(|column| column.name.as_str());
    let keys = table.foreign_keys.iter();
    let mut found = twice(columns.clone(), &format!("column of {}", table.name));
    found.extend(twice(
        keys.clone()
            .filter_map(|key| key.columns.first())
            .map(String::as_str),
        &format!("foreign key of {} on", table.name),
    ));
    let indexes = table.indexes.iter().map(|index| index.name.as_str());
    let key_names = keys.clone().filter_map(|key| key.name.as_deref());
    let names = [table.name.as_str()].into_iter();
    let names = names.chain(columns).chain(indexes).chain(key_names);
    let too_long = names.filter(|name| name.len() > LONGEST_NAME);
    found.extend(too_long.map(|name| {
        format!("{name} has more than {LONGEST_NAME} bytes, which PostgreSQL cuts off")
    }));
    found.extend(table.columns.iter().filter_map(|one| of_column(table, one)));
    found.extend(of_key(table, "the primary key", &table.primary_key));
    for index in &table.indexes {
        found.extend(of_index(table, index));
    }
    found.extend(of_row(table));
    for key in keys {
        found.extend(of_foreign_key(shape, table, key));
    }
    found
}

/// Finds names that occur twice. Names of columns are case-insensitive on MySQL and SQLite.
fn twice<'n>(names: impl Iterator<Item = &'n str>, what: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let is_second = |name: &&str| !seen.insert(name.to_lowercase());
    let again: Vec<&str> = names.filter(is_second).collect();
    let sentence = |name: &str| format!("{what} {name} is declared twice");
    again.into_iter().map(sentence).collect()
}

fn of_column(table: &Table, column: &Column) -> Option<String> {
    let what = match column.kind {
        Type::Text {
            length: Length::Characters(0),
            ..
        } => "no character is allowed".to_owned(),
        Type::Text {
            length: Length::Characters(length),
            ..
        } if length > LONGEST_VARCHAR => {
            format!("MySQL has no varchar of more than {LONGEST_VARCHAR} characters")
        }
        Type::Decimal { precision, scale }
            if precision > MOST_DIGITS.0 || scale > MOST_DIGITS.1 || scale > precision =>
        {
            format!(
                "MySQL has no decimal of more than {} digits, {} of them behind the point",
                MOST_DIGITS.0, MOST_DIGITS.1
            )
        }
        _ => return None,
    };
    Some(format!("{}.{}: {what}", table.name, column.name))
}

/// Checks the length of a row. Text of any length, bytes and JSON are stored apart, and the row
/// only points to them. The few bytes of other types are not counted, and neither is a column that
/// is too long by itself.
fn of_row(table: &Table) -> Option<String> {
    let bytes_of = |column: &Column| match column.kind {
        Type::Integer { bits, .. } => u32::from(bits / 8),
        Type::Text {
            length: Length::Characters(length),
            ..
        } if length <= LONGEST_VARCHAR => length * 4 + 2,
        Type::Text {
            length: Length::Any,
            ..
        }
        | Type::Bytes { limited: false }
        | Type::Json { .. } => 12,
        _ => 0,
    };
    let bytes: u32 = table.columns.iter().map(bytes_of).sum();
    (bytes > LONGEST_ROW).then(|| {
        format!(
            "{}: MySQL has no row of more than {LONGEST_ROW} bytes, and its columns take {bytes}",
            table.name
        )
    })
}

fn of_index(table: &Table, index: &Index) -> Option<String> {
    of_key(table, &format!("index {}", index.name), &index.columns)
}

/// Returns the most bytes that a value takes in an index of InnoDB.
fn bytes(kind: Type) -> u32 {
    match kind {
        Type::Text {
            length: Length::Characters(length),
            ..
        } => length.saturating_mul(4),
        Type::Decimal { precision, .. } => precision,
        Type::Uuid => 16,
        _ => 8,
    }
}

fn of_key(table: &Table, what: &str, columns: &[String]) -> Option<String> {
    let kinds = columns.iter().filter_map(|name| table.column(name));
    let total: u32 = kinds
        .map(|column| bytes(column.kind))
        .fold(0, u32::saturating_add);
    let over = columns.iter().find_map(|name| {
        let problem = match table.column(name).map(|column| column.kind) {
            None => "which is not declared".to_owned(),
            Some(Type::Text {
                length: Length::Characters(length),
                ..
            }) if length <= LONGEST_INDEXED => return None,
            Some(Type::Text { .. } | Type::Bytes { .. }) => format!(
                "of which MySQL indexes no more than the first {LONGEST_INDEXED} characters"
            ),
            Some(Type::Json { .. }) => "and JSON has no order".to_owned(),
            Some(_) => return None,
        };
        Some(format!("{}: {what} is over {name}, {problem}", table.name))
    });
    let is_too_long = total > LONGEST_INDEXED * 4;
    over.or_else(|| {
        is_too_long.then(|| {
            format!(
                "{}: {what} may take {total} bytes, and InnoDB indexes at most {}",
                table.name,
                LONGEST_INDEXED * 4
            )
        })
    })
}

fn of_foreign_key(shape: &Shape, table: &Table, key: &ForeignKey) -> Option<String> {
    let (column, reference) = (key.columns.concat(), key.references.concat());
    let problem = |what: String| {
        Some(format!(
            "{}: the foreign key on {column} to {}.{reference}: {what}",
            table.name, key.table
        ))
    };
    let Some(found) = table.column(&column) else {
        return problem(format!("{column} is not declared"));
    };
    // That the parent is declared is checked when the key is read.
    let parent = shape.declared(&key.table)?;
    let Some(referenced) = parent.table.column(&reference) else {
        return problem(format!("{reference} is not declared"));
    };
    if referenced.kind != found.kind {
        return problem(format!("{} refers to {}", found.kind, referenced.kind));
    }
    let is_unique = parent.table.primary_key == key.references
        || parent
            .table
            .indexes
            .iter()
            .any(|index| index.is_unique && index.columns == key.references);
    if !is_unique {
        return problem(format!("nothing makes {reference} unique"));
    }
    match key.on_delete.as_str() {
        "SET NULL" if !found.nullable => return problem(format!("{column} takes no NULL")),
        "SET DEFAULT" => return problem("InnoDB has no ON DELETE SET DEFAULT".to_owned()),
        _ => {}
    }
    let is_required = parent.role != Role::Own;
    let is_back = !is_required && key.table != table.name && refers(shape, &key.table, &table.name);
    match is_back {
        true => {
            problem("both tables refer to each other, and neither can be made first".to_owned())
        }
        false => None,
    }
}

/// Returns whether a table refers to another, directly or through others.
fn refers(shape: &Shape, from: &str, to: &str) -> bool {
    let mut seen = vec![from];
    let mut at = 0;
    while let Some(name) = seen.get(at) {
        let table = shape.table_named(name);
        for key in table.into_iter().flat_map(|table| &table.foreign_keys) {
            if key.table == to {
                return true;
            }
            if !seen.contains(&key.table.as_str()) {
                seen.push(&key.table);
            }
        }
        at += 1;
    }
    false
}
