//! SQLite's own procedure for changes that ALTER TABLE cannot make: a table beside the old one, the
//! rows, a comparison of both, the old name, and what hung on it.
//!
//! The new table is made by the old one's statement with the differences mended in its text, so that
//! whatever else it says is said again to the letter.

use std::ops::Range;

use sea_orm::DbBackend;

use super::{
    compare::{self, Pairs},
    definition::{Column, Constraint, ConstraintKind, Definition, Reference},
    token::is_one_statement,
};
use crate::{
    schema::{
        declared::{DOCUMENTS, VECTORS_DOC_ID_FKEY},
        difference::Difference,
        live::{ColumnKind, Filled, Live, Table},
    },
    sql,
};

/// The name while it is filled; the transaction that makes it also renames it.
const REBUILT: &str = "vectors_rebuilt";

/// The statements that mend all of these at once, or why there are none.
pub(super) fn statements(live: &Live, mended: &[&Difference]) -> Result<Vec<String>, String> {
    let vectors = live
        .vectors
        .as_ref()
        .ok_or("there is no table to rebuild")?;
    let (made_by, hanging_on) = vectors
        .statements
        .split_first()
        .ok_or("SQLite tells no statement that made the table")?;
    if let Some(referrer) = vectors
        .kept
        .iter()
        .find(|kept| kept.starts_with("foreign key of "))
    {
        return Err(format!(
            "there is a {referrer}, and SQLite would act on it when the table is rebuilt: \
             drop that table's key, repair, and add it again"
        ));
    }
    if let Some(more) = hanging_on.iter().find(|sql| !is_one_statement(sql)) {
        return Err(format!(
            "the schema of the file holds more than one statement at `{more}`: rebuild the table by hand"
        ));
    }
    let definition = Definition::parse(made_by)
        .ok_or("the statement that made the table is not understood: rebuild the table by hand")?;
    if definition.names_itself {
        return Err(
            "a check in its statement names the table, which has another name while it is rebuilt: \
             rebuild the table by hand"
                .to_owned(),
        );
    }
    let rebuilt = live.free_name(REBUILT);
    let mut statement = Rewritten::new(made_by, &definition);
    statement.replace(
        &definition.name,
        &sql::identifier(DbBackend::Sqlite, &rebuilt),
    );
    let mut numbers_rows = false;
    let mut adds_key = false;
    for difference in mended {
        match difference {
            Difference::PrimaryKey { .. } | Difference::AutoIncrement { .. } => numbers_rows = true,
            Difference::ForeignKeyAbsent => adds_key = true,
            difference => statement.mend(difference)?,
        }
    }
    if numbers_rows {
        statement.number_rows()?;
    }
    // Last: where the last column ends, with what is added to it, the key begins.
    if adds_key {
        statement.add_key();
    }
    let pairs = Pairs::of(vectors, &definition, numbers_rows)?;
    let mut statements = vec![
        statement.text(),
        copy_rows(vectors, &rebuilt, &pairs),
        compare::query(vectors, &rebuilt, &pairs),
    ];
    if definition.is_auto_increment {
        statements.extend(keep_sequence(&rebuilt));
    }
    statements.push("DROP TABLE vectors".to_owned());
    statements.push(format!("ALTER TABLE {rebuilt} RENAME TO vectors"));
    statements.extend(hanging_on.iter().cloned());
    Ok(statements)
}

/// The older statement with changes in it, none over another.
struct Rewritten<'d> {
    older: &'d str,
    definition: &'d Definition,
    changes: Vec<(Range<usize>, String)>,
}

impl<'d> Rewritten<'d> {
    fn new(older: &'d str, definition: &'d Definition) -> Self {
        Self {
            older,
            definition,
            changes: Vec::new(),
        }
    }

    fn replace(&mut self, span: &Range<usize>, by: &str) {
        self.changes.push((span.clone(), by.to_owned()));
    }

    fn insert(&mut self, at: usize, what: &str) {
        self.replace(&(at..at), what);
    }

    fn text(mut self) -> String {
        self.changes.sort_by_key(|(span, _)| (span.start, span.end));
        let mut text = String::new();
        let mut at = 0;
        for (span, by) in self.changes {
            text += &self.older[at..span.start];
            text += &by;
            at = span.end;
        }
        text + &self.older[at..]
    }

    fn mend(&mut self, difference: &Difference) -> Result<(), String> {
        match difference {
            Difference::Narrow { column, live, .. } => {
                let to = match live.kind {
                    ColumnKind::Integer { .. } => "INTEGER",
                    ColumnKind::NarrowText
                    | ColumnKind::Json
                    | ColumnKind::Text
                    | ColumnKind::Serial
                    | ColumnKind::Other => "TEXT",
                };
                self.replace(&self.column(column)?.kind, to);
            }
            Difference::Nullable { column, .. } => {
                let column = self.column(column)?;
                let is_null = |one: &&Constraint| matches!(one.kind, ConstraintKind::Null);
                match column.constraints.iter().find(is_null) {
                    Some(null) => self.replace(&null.span, "NOT NULL"),
                    None => self.insert(column.kind.end, " NOT NULL"),
                }
            }
            Difference::ForeignKeyUnlike { .. } => self.cascade()?,
            // The rows are numbered once for both, the key is added last, and statements of their own fix the others.
            Difference::PrimaryKey { .. }
            | Difference::AutoIncrement { .. }
            | Difference::ForeignKeyAbsent
            | Difference::DocumentsAbsent { .. }
            | Difference::TableAbsent
            | Difference::IndexAbsent
            | Difference::IndexUnfit { .. } => {}
            Difference::DocumentsUnfit { .. }
            | Difference::NotATable { .. }
            | Difference::StorageEngine { .. }
            | Difference::ColumnAbsent { .. }
            | Difference::WrongType { .. }
            | Difference::Generated { .. }
            | Difference::Unreadable { .. }
            | Difference::InsteadRule { .. }
            | Difference::SequenceBehind { .. }
            | Difference::SequenceNarrow { .. }
            | Difference::Placement { .. }
            | Difference::Orphans(_)
            | Difference::ForeignKeyUnvalidated { .. }
            | Difference::ForeignKeyElsewhere { .. }
            | Difference::IndexUnique { .. }
            | Difference::Storage { .. }
            | Difference::InsertBlocked { .. } => {
                return Err(format!(
                    "no rebuild fixes that {}: rebuild the table by hand",
                    difference.sentence()
                ));
            }
        }
        Ok(())
    }

    fn add_key(&mut self) {
        let add = format!(
            ", CONSTRAINT {VECTORS_DOC_ID_FKEY} FOREIGN KEY (doc_id) \
             REFERENCES {DOCUMENTS} (id) ON DELETE CASCADE"
        );
        self.insert(self.definition.end, &add);
    }

    fn column(&self, name: &str) -> Result<&'d Column, String> {
        let is_it = |column: &&Column| column.name.eq_ignore_ascii_case(name);
        let column = self.definition.columns.iter().find(is_it);
        column.ok_or(format!("its statement names no column {name}"))
    }

    /// `id` becomes SQLite's rowid, which no type but INTEGER does.
    fn number_rows(&mut self) -> Result<(), String> {
        let id = self.column("id")?;
        let of_table = &self.definition.constraints;
        let keys = id.constraints.iter();
        let keys = keys.chain(of_table.iter().map(|one| &one.constraint));
        let mut keys = keys.filter(|one| matches!(one.kind, ConstraintKind::PrimaryKey));
        let key = keys.next();
        let said = |span: Option<&Range<usize>>| match span {
            Some(span) => format!(" {}", &self.older[span.clone()]),
            None => String::new(),
        };
        let label = said(key.and_then(|key| key.label.as_ref()));
        let on_conflict = said(key.and_then(|key| key.on_conflict.as_ref()));
        let is_not_null = |one: &Constraint| matches!(one.kind, ConstraintKind::NotNull);
        let not_null = match id.constraints.iter().any(is_not_null) {
            true => "",
            false => " NOT NULL",
        };
        self.replace(
            &id.kind,
            &format!(
                "{}INTEGER{not_null}{label} PRIMARY KEY{on_conflict} AUTOINCREMENT",
                if id.kind.is_empty() { " " } else { "" }
            ),
        );
        for constraint in &id.constraints {
            let goes = match constraint.kind {
                ConstraintKind::PrimaryKey | ConstraintKind::Null => true,
                // The key says it, but not what is done with another row of the same id.
                ConstraintKind::Unique => constraint.on_conflict.is_none(),
                ConstraintKind::NotNull | ConstraintKind::References(_) | ConstraintKind::Kept => {
                    false
                }
            };
            if goes {
                self.replace(&constraint.span, "");
            }
        }
        for (at, key) in of_table.iter().enumerate() {
            if matches!(key.constraint.kind, ConstraintKind::PrimaryKey) {
                // What follows without a comma of its own needs this one.
                let is_followed = of_table
                    .get(at + 1)
                    .is_some_and(|next| next.comma.is_none());
                let start = match &key.comma {
                    Some(comma) if !is_followed => comma.start,
                    _ => key.constraint.span.start,
                };
                self.replace(&(start..key.constraint.span.end), "");
            }
        }
        if let Some(without_rowid) = &self.definition.without_rowid {
            self.replace(without_rowid, "");
        }
        Ok(())
    }

    /// Every key from `doc_id` to `documents` gets the action; its name and the rest stay.
    fn cascade(&mut self) -> Result<(), String> {
        let is_doc_id = |name: &String| name.eq_ignore_ascii_case("doc_id");
        let of_columns = self.definition.columns.iter();
        let of_columns = of_columns
            .filter(|column| is_doc_id(&column.name))
            .flat_map(|column| &column.constraints);
        let of_table = self.definition.constraints.iter();
        let of_table = of_table
            .filter(|key| key.columns.len() == 1 && key.columns.iter().all(is_doc_id))
            .map(|key| &key.constraint);
        let keys: Vec<&Reference> = of_columns
            .chain(of_table)
            .filter_map(|constraint| match &constraint.kind {
                ConstraintKind::References(key) => Some(key),
                ConstraintKind::PrimaryKey
                | ConstraintKind::NotNull
                | ConstraintKind::Null
                | ConstraintKind::Unique
                | ConstraintKind::Kept => None,
            })
            .filter(|key| key.table.eq_ignore_ascii_case(DOCUMENTS))
            .collect();
        if keys.is_empty() {
            return Err(
                "its statement shows no key from doc_id to documents: rebuild the table by hand"
                    .to_owned(),
            );
        }
        for key in keys {
            for action in &key.on_delete {
                self.replace(action, "CASCADE");
            }
            if key.on_delete.is_empty() {
                self.insert(key.actions, " ON DELETE CASCADE");
            }
        }
        Ok(())
    }
}

/// Without the generated columns.
fn copy_rows(vectors: &Table, rebuilt: &str, pairs: &Pairs) -> String {
    let columns = vectors.columns.iter();
    let columns: Vec<String> = columns
        .filter(|column| column.filled != Filled::Generated)
        .map(|column| sql::identifier(DbBackend::Sqlite, &column.name))
        .collect();
    let columns = columns.join(", ");
    let (rowid, order) = pairs.copied(vectors);
    format!(
        "INSERT INTO {rebuilt} ({rowid}{columns}) SELECT {rowid}{columns} FROM vectors ORDER BY {order}"
    )
}

/// The last number given may be larger than any that is left.
fn keep_sequence(rebuilt: &str) -> [String; 2] {
    [
        format!("DELETE FROM sqlite_sequence WHERE name = '{rebuilt}'"),
        format!(
            "INSERT INTO sqlite_sequence (name, seq) \
             SELECT '{rebuilt}', seq FROM sqlite_sequence WHERE name = 'vectors' COLLATE NOCASE"
        ),
    ]
}

#[cfg(test)]
mod tests;
