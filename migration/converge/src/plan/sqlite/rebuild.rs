//! SQLite's own procedure for changes that ALTER TABLE cannot make: create a second table, copy the
//! rows, compare both tables, rename the new one, and create again what depended on the old one.
//!
//! The new table is created by the old one's statement with the differences fixed in its text, so
//! everything else in it stays to the letter.

use std::ops::Range;

use super::{
    compare::{self, Pairs},
    definition::{Column, Constraint, ConstraintKind, Definition, Reference, TableConstraint},
    listed, quoted,
    token::{is_one_statement, tokens},
};
use crate::{
    diff::{Change, Difference},
    engine::Engine,
    inspect::Inspection,
    model::{Filled, ForeignKey, Table},
    sql,
};

/// Returns the statements that fix all of these at once, or the reason why there are none.
pub(super) fn statements(
    current: &Inspection,
    declared: &Table,
    found: &Table,
    fixed: &[&Change],
) -> Result<Vec<String>, String> {
    let (made_by, hanging_on) = statements_of(found)?;
    require_unreferred(found, &[])?;
    require_single(hanging_on)?;
    let definition = understood(made_by)?;
    let number = number(declared, found, fixed);
    if number.is_some() {
        require_unindexed(found)?;
    }
    let mut statement = Rewritten::new(made_by, &definition);
    statement.rename(&found.name, &name_while_filled(current, found));
    for change in fixed {
        statement.fix(&change.difference)?;
    }
    if let Some(column) = numbered(declared, fixed) {
        statement.number_rows(column)?;
    }
    let pairs = Pairs::of(found, &definition, number)?;
    Ok(replace(current, found, statement, &pairs, hanging_on))
}

/// Returns the statements that rebuild a table without these of its foreign keys once these tables
/// are dropped, or the reason why there are none.
pub(super) fn without_keys(
    current: &Inspection,
    found: &Table,
    keys: &[&ForeignKey],
    dropped: &[String],
) -> Result<Vec<String>, String> {
    let (made_by, hanging_on) = statements_of(found)?;
    require_unreferred(found, dropped)?;
    require_single(hanging_on)?;
    let definition = understood(made_by)?;
    let mut statement = Rewritten::new(made_by, &definition);
    statement.rename(&found.name, &name_while_filled(current, found));
    for key in keys {
        statement.drop_key(key)?;
    }
    let pairs = Pairs::of(found, &definition, None)?;
    Ok(replace(current, found, statement, &pairs, hanging_on))
}

/// Returns a statement that creates a table with an additional last column; `None` if it is not
/// understood.
pub(super) fn with_column(made_by: &str, column: &str) -> Option<String> {
    let definition = Definition::parse(made_by)?;
    let last = definition.columns.last()?;
    let constrained = last.constraints.last().map(|last| last.span.end);
    let mut statement = Rewritten::new(made_by, &definition);
    statement.insert(constrained.unwrap_or(last.kind.end), &format!(", {column}"));
    Some(statement.text())
}

/// Returns a statement that creates a table without this foreign key; `None` if it is not
/// understood.
pub(super) fn without_key(made_by: &str, key: &ForeignKey) -> Option<String> {
    let definition = Definition::parse(made_by)?;
    let mut statement = Rewritten::new(made_by, &definition);
    statement.drop_key(key).ok()?;
    Some(statement.text())
}

/// Returns a statement that creates a table without a column that is not its first; `None` if it is
/// not understood.
pub(super) fn without_column(made_by: &str, column: &str) -> Option<String> {
    let definition = Definition::parse(made_by)?;
    let ends = definition.columns.iter().map(|one| {
        let constrained = one.constraints.last().map(|last| last.span.end);
        (&one.name, constrained.unwrap_or(one.kind.end))
    });
    let ends: Vec<(&String, usize)> = ends.collect();
    let both = ends.windows(2).find_map(|both| match both {
        [(_, before), (name, end)] if name.eq_ignore_ascii_case(column) => Some(*before..*end),
        _ => None,
    })?;
    let mut statement = Rewritten::new(made_by, &definition);
    statement.replace(&both, "");
    Some(statement.text())
}

/// Returns whether the statement creates the index of this name.
pub(super) fn makes_index(statement: &str, name: &str) -> bool {
    let tokens = tokens(statement);
    let is_of_index = tokens.iter().take(3).any(|token| token.is("INDEX"));
    let named = tokens.windows(2).find(|two| two[1].is("ON"));
    is_of_index && named.is_some_and(|two| two[0].is_named(name))
}

/// Returns the statement with another name of the table; `None` if it is not understood.
pub(super) fn renamed(made_by: &str, name: &str) -> Option<String> {
    let definition = Definition::parse(made_by)?;
    let mut statement = Rewritten::new(made_by, &definition);
    let own = tokens(&made_by[definition.name.clone()]);
    statement.rename(own.first()?.name()?, name);
    Some(statement.text())
}

/// Returns the statement that created the table, and those of the objects that depend on it.
fn statements_of(found: &Table) -> Result<(&String, &[String]), String> {
    let statements = found.extras.statements.split_first();
    statements.ok_or_else(|| "SQLite tells no statement that made the table".to_owned())
}

/// Returns the name of the new table while it is filled; the transaction that creates it also
/// renames it.
fn name_while_filled(current: &Inspection, found: &Table) -> String {
    current.free_name(&format!("{}_rebuilt", found.name))
}

/// Moves the rows to a table that the rewritten statement creates, and that gets the old one's
/// name.
fn replace(
    current: &Inspection,
    found: &Table,
    statement: Rewritten<'_>,
    pairs: &Pairs<'_>,
    hanging_on: &[String],
) -> Vec<String> {
    let rebuilt = name_while_filled(current, found);
    let definition = statement.definition;
    let (old, new) = (quoted(&found.name), quoted(&rebuilt));
    let refers_to_itself = statement.refers_to_itself;
    let mut statements = vec![statement.text(), copy_rows(found, &rebuilt, pairs)];
    statements.extend(compare::queries(found, &rebuilt, pairs));
    if definition.is_auto_increment {
        statements.extend(keep_sequence(&found.name, &rebuilt));
    }
    let statistics = found.extras.statistics.iter();
    let [put_away, bring_back] = keep_statistics(&found.name, &rebuilt);
    statements.extend(statistics.clone().map(put_away));
    statements.push(format!("DROP TABLE {old}"));
    statements.push(format!("ALTER TABLE {new} RENAME TO {old}"));
    statements.extend(statistics.map(bring_back));
    if refers_to_itself {
        statements.push(compare::references(&found.name, &rebuilt));
    }
    statements.extend(hanging_on.iter().cloned());
    statements
}

/// Requires that no foreign key of another table refers to the table: SQLite deletes the rows of a
/// table that is dropped, and acts on the keys that refer to them.
fn require_unreferred(found: &Table, dropped: &[String]) -> Result<(), String> {
    let goes_too = |referrer: &str| {
        let mut tables = dropped.iter().chain([&found.name]);
        tables.any(|one| one.eq_ignore_ascii_case(referrer))
    };
    let is_key = |kept: &&String| {
        let referrer = kept.strip_prefix("foreign key of ");
        referrer.is_some_and(|referrer| !goes_too(referrer))
    };
    match found.extras.kept.iter().find(is_key) {
        Some(referrer) => Err(format!(
            "there is a {referrer}, and SQLite would act on it when the table is rebuilt: \
             drop that table's key, repair, and add it again"
        )),
        None => Ok(()),
    }
}

/// Requires that no other object keeps the rowids of the rows.
fn require_unindexed(found: &Table) -> Result<(), String> {
    let is_by_rowid = |kept: &&String| kept.ends_with(" by their rowid");
    match found.extras.kept.iter().find(is_by_rowid) {
        Some(index) => Err(format!(
            "there is a {index}, which becomes the key when the table is rebuilt: \
             drop that index, repair, and create it again"
        )),
        None => Ok(()),
    }
}

fn require_single(statements: &[String]) -> Result<(), String> {
    match statements.iter().find(|sql| !is_one_statement(sql)) {
        Some(more) => Err(format!(
            "the schema of the file holds more than one statement at `{more}`: rebuild the table by hand"
        )),
        None => Ok(()),
    }
}

fn understood(made_by: &str) -> Result<Definition, String> {
    let definition = Definition::parse(made_by)
        .ok_or("the statement that made the table is not understood: rebuild the table by hand")?;
    match definition.names_itself {
        true => Err(
            "a check in its statement names the table, which has another name while it is rebuilt: \
             rebuild the table by hand"
                .to_owned(),
        ),
        false => Ok(definition),
    }
}

/// Returns the column that becomes the number of each row, its rowid.
pub(super) fn number<'c>(
    declared: &'c Table,
    found: &Table,
    fixed: &[&'c Change],
) -> Option<&'c str> {
    numbered(declared, fixed).or_else(|| integer_key(found, fixed))
}

/// Returns the declared auto-increment column if it becomes one.
fn numbered<'t>(declared: &'t Table, fixed: &[&Change]) -> Option<&'t str> {
    let numbers_rows = |change: &&Change| {
        matches!(
            change.difference,
            Difference::PrimaryKey {
                numbered: Some(_),
                ..
            } | Difference::AutoIncrement { .. }
        )
    };
    let column = declared.auto_increment()?;
    fixed
        .iter()
        .any(numbers_rows)
        .then_some(column.name.as_str())
}

/// Returns the column of a new primary key that SQLite makes the number of the row by itself: the
/// only one, and of type INTEGER to the letter.
fn integer_key<'c>(found: &Table, fixed: &[&'c Change]) -> Option<&'c str> {
    fixed.iter().find_map(|change| {
        let Difference::PrimaryKey { columns, .. } = &change.difference else {
            return None;
        };
        let [column] = columns.as_slice() else {
            return None;
        };
        let printed = &found.column(column)?.printed;
        printed
            .eq_ignore_ascii_case("integer")
            .then_some(column.as_str())
    })
}

/// The older statement with changes in it that do not overlap.
struct Rewritten<'d> {
    older: &'d str,
    definition: &'d Definition,
    changes: Vec<(Range<usize>, String)>,
    /// The constraints that are added.
    constraints: Vec<String>,
    /// The constraints of the table that are removed.
    dropped: Vec<Range<usize>>,
    /// The table's own name before and after.
    renamed: Option<(String, String)>,
    refers_to_itself: bool,
}

impl<'d> Rewritten<'d> {
    fn new(older: &'d str, definition: &'d Definition) -> Self {
        Self {
            older,
            definition,
            changes: Vec::new(),
            constraints: Vec::new(),
            dropped: Vec::new(),
            renamed: None,
            refers_to_itself: false,
        }
    }

    /// Gives the table another name, also where its own foreign keys refer to it.
    fn rename(&mut self, old: &str, new: &str) {
        self.renamed = Some((old.to_owned(), new.to_owned()));
        self.replace(&self.definition.name, &quoted(new));
        let is_own = |key: &&Reference| key.table.eq_ignore_ascii_case(old);
        for key in self.definition.references().filter(is_own) {
            self.replace(&key.name, &quoted(new));
            self.refers_to_itself = true;
        }
    }

    /// Returns the name by which a new key refers to a table.
    fn referred(&mut self, table: &str) -> String {
        match &self.renamed {
            Some((old, new)) if table.eq_ignore_ascii_case(old) => {
                self.refers_to_itself = true;
                new.clone()
            }
            Some(_) | None => table.to_owned(),
        }
    }

    /// Replaces a part once, even if several differences need the same change.
    fn replace(&mut self, span: &Range<usize>, by: &str) {
        let change = (span.clone(), by.to_owned());
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    fn insert(&mut self, at: usize, what: &str) {
        self.replace(&(at..at), what);
    }

    fn text(mut self) -> String {
        self.drop_commas();
        // Constraints come last: they begin where the last column ends, together with what is added
        // to it.
        for constraint in std::mem::take(&mut self.constraints) {
            self.insert(self.definition.end, &format!(", {constraint}"));
        }
        self.changes.sort_by_key(|(span, _)| (span.start, span.end));
        let mut text = String::new();
        let mut at = 0;
        for (span, by) in self.changes {
            // This part belongs to one that is removed.
            if span.start < at {
                continue;
            }
            text += &self.older[at..span.start];
            text += &by;
            at = span.end;
        }
        text + &self.older[at..]
    }

    fn fix(&mut self, difference: &Difference) -> Result<(), String> {
        match difference {
            Difference::Narrow { declared, .. } => {
                let kind = declared.kind.spelled(Engine::Sqlite).to_uppercase();
                self.replace(&self.column(&declared.name)?.kind, &kind);
            }
            Difference::Nullable { declared, .. } => self.refuse_null(&declared.name)?,
            Difference::PrimaryKey {
                columns,
                numbered: None,
                ..
            } => {
                let key = format!("PRIMARY KEY ({})", listed(columns));
                self.constraints.push(key);
            }
            Difference::ForeignKeyAbsent { declared } => {
                let referred = ForeignKey {
                    table: self.referred(&declared.table),
                    ..declared.clone()
                };
                self.constraints.push(foreign_key(&referred));
            }
            Difference::ForeignKeyUnlike { declared, .. } => self.set_action(declared)?,
            // The rows are numbered once for both; the other differences have statements of their
            // own, or none on SQLite.
            Difference::PrimaryKey {
                numbered: Some(_), ..
            }
            | Difference::AutoIncrement { .. }
            | Difference::RequiredAbsent { .. }
            | Difference::TableAbsent
            | Difference::ColumnAbsent { .. }
            | Difference::IndexAbsent { .. }
            | Difference::IndexUnfit { .. }
            | Difference::RequiredUnfit { .. }
            | Difference::NotATable { .. }
            | Difference::StorageEngine { .. }
            | Difference::WrongType { .. }
            | Difference::Generated { .. }
            | Difference::Unreadable { .. }
            | Difference::RowsRefused { .. }
            | Difference::Unwritable { .. }
            | Difference::InsteadRule { .. }
            | Difference::NotNullable { .. }
            | Difference::NumbersBehind { .. }
            | Difference::SequenceLimited { .. }
            | Difference::Placement { .. }
            | Difference::Orphans(_)
            | Difference::ForeignKeyUnvalidated { .. }
            | Difference::ForeignKeyElsewhere { .. }
            | Difference::IndexUnique { .. }
            | Difference::Storage { .. }
            | Difference::InsertBlocked { .. } => {}
        }
        Ok(())
    }

    fn refuse_null(&mut self, column: &str) -> Result<(), String> {
        let column = self.column(column)?;
        let is_null = |one: &&Constraint| matches!(one.kind, ConstraintKind::Null);
        match column.constraints.iter().find(is_null) {
            Some(null) => self.replace(&null.span, "NOT NULL"),
            None => self.insert(column.kind.end, " NOT NULL"),
        }
        Ok(())
    }

    fn column(&self, name: &str) -> Result<&'d Column, String> {
        let is_it = |column: &&Column| column.name.eq_ignore_ascii_case(name);
        let column = self.definition.columns.iter().find(is_it);
        column.ok_or(format!("its statement names no column {name}"))
    }

    /// Makes the column SQLite's rowid, which only the type INTEGER becomes.
    fn number_rows(&mut self, column: &str) -> Result<(), String> {
        let column = self.column(column)?;
        let of_table = &self.definition.constraints;
        let keys = column.constraints.iter();
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
        let not_null = match column.constraints.iter().any(is_not_null) {
            true => "",
            false => " NOT NULL",
        };
        self.replace(
            &column.kind,
            &format!(
                "{}INTEGER{not_null}{label} PRIMARY KEY{on_conflict} AUTOINCREMENT",
                if column.kind.is_empty() { " " } else { "" }
            ),
        );
        for constraint in &column.constraints {
            let goes = match constraint.kind {
                ConstraintKind::PrimaryKey | ConstraintKind::Null => true,
                // The key implies it, but not the action for another row of the same number.
                ConstraintKind::Unique => constraint.on_conflict.is_none(),
                ConstraintKind::NotNull | ConstraintKind::References(_) | ConstraintKind::Kept => {
                    false
                }
            };
            if goes {
                self.replace(&constraint.span, "");
            }
        }
        self.drop_table_key();
        if let Some(without_rowid) = &self.definition.without_rowid {
            self.replace(without_rowid, "");
        }
        Ok(())
    }

    fn drop_table_key(&mut self) {
        let is_key =
            |one: &&TableConstraint| matches!(one.constraint.kind, ConstraintKind::PrimaryKey);
        for key in self.definition.constraints.iter().filter(is_key) {
            self.drop_table_constraint(key);
        }
    }

    fn drop_table_constraint(&mut self, dropped: &TableConstraint) {
        self.dropped.push(dropped.constraint.span.clone());
        self.replace(&dropped.constraint.span, "");
    }

    /// Removes commas. A comma is removed if all constraints between it and the next are: SQLite
    /// needs none between two constraints.
    fn drop_commas(&mut self) {
        let definition = self.definition;
        let follows = |_: &TableConstraint, next: &TableConstraint| next.comma.is_none();
        for between in definition.constraints.chunk_by(follows) {
            let goes = |one: &TableConstraint| self.dropped.contains(&one.constraint.span);
            if let [first, ..] = between
                && let Some(comma) = &first.comma
                && between.iter().all(goes)
            {
                self.replace(&(comma.start..first.constraint.span.start), "");
            }
        }
    }

    /// Drops every key from these columns to this table.
    fn drop_key(&mut self, dropped: &ForeignKey) -> Result<(), String> {
        let is_it = |one: &Constraint| matches!(&one.kind, ConstraintKind::References(to) if to.table.eq_ignore_ascii_case(&dropped.table));
        let mut count = 0;
        for column in &self.definition.columns {
            let is_from = is_same(std::slice::from_ref(&column.name), &dropped.columns);
            let constraints = column.constraints.iter();
            for constraint in constraints.filter(|one| is_from && is_it(one)) {
                self.replace(&constraint.span, "");
                count += 1;
            }
        }
        let of_table = self.definition.constraints.iter();
        for key in of_table.filter(|one| is_it(&one.constraint)) {
            if is_same(&key.columns, &dropped.columns) {
                self.drop_table_constraint(key);
                count += 1;
            }
        }
        match count {
            0 => Err(unseen(dropped)),
            _ => Ok(()),
        }
    }

    /// Gives every key from the declared columns to the declared table the action; its name and the
    /// rest stay.
    fn set_action(&mut self, declared: &ForeignKey) -> Result<(), String> {
        let action = &declared.on_delete;
        let keys = self.keys_like(declared);
        if keys.is_empty() {
            return Err(unseen(declared));
        }
        for key in keys {
            for older in &key.on_delete {
                self.replace(older, action);
            }
            if key.on_delete.is_empty() {
                self.insert(key.actions, &format!(" ON DELETE {action}"));
            }
        }
        Ok(())
    }

    fn keys_like(&self, declared: &ForeignKey) -> Vec<&'d Reference> {
        let is_from = |columns: &[String]| is_same(columns, &declared.columns);
        let of_columns = self.definition.columns.iter();
        let of_columns = of_columns
            .filter(|column| is_from(std::slice::from_ref(&column.name)))
            .flat_map(|column| &column.constraints);
        let of_table = self.definition.constraints.iter();
        let of_table = of_table
            .filter(|key| is_from(&key.columns))
            .map(|key| &key.constraint);
        of_columns
            .chain(of_table)
            .filter_map(Constraint::reference)
            .filter(|key| key.table.eq_ignore_ascii_case(&declared.table))
            .collect()
    }
}

fn is_same(columns: &[String], others: &[String]) -> bool {
    let mut pairs = columns.iter().zip(others);
    columns.len() == others.len() && pairs.all(|(one, other)| one.eq_ignore_ascii_case(other))
}

fn unseen(key: &ForeignKey) -> String {
    format!(
        "its statement shows no key from {} to {}: rebuild the table by hand",
        key.columns.join(", "),
        key.table
    )
}

fn foreign_key(key: &ForeignKey) -> String {
    let label = match &key.name {
        Some(name) => format!("CONSTRAINT {} ", quoted(name)),
        None => String::new(),
    };
    format!(
        "{label}FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {}",
        listed(&key.columns),
        quoted(&key.table),
        listed(&key.references),
        key.on_delete
    )
}

/// Copies all columns except the generated ones.
fn copy_rows(table: &Table, rebuilt: &str, pairs: &Pairs<'_>) -> String {
    let columns = table.columns.iter();
    let columns: Vec<String> = columns
        .filter(|column| column.filled != Filled::Generated)
        .map(|column| quoted(&column.name))
        .collect();
    let columns = columns.join(", ");
    let (rowid, order) = pairs.copied(table);
    format!(
        "INSERT INTO {} ({rowid}{columns}) SELECT {rowid}{columns} FROM {} ORDER BY {order}",
        quoted(rebuilt),
        quoted(&table.name)
    )
}

/// Keeps the last number given, which may be larger than any that is left.
fn keep_sequence(table: &str, rebuilt: &str) -> [String; 2] {
    let literal = |name: &str| sql::literal(Engine::Sqlite, name);
    let (table, rebuilt) = (literal(table), literal(rebuilt));
    [
        format!("DELETE FROM sqlite_sequence WHERE name = {rebuilt}"),
        format!(
            "INSERT INTO sqlite_sequence (name, seq) \
             SELECT {rebuilt}, seq FROM sqlite_sequence WHERE name = {table} COLLATE NOCASE"
        ),
    ]
}

/// Keeps statistics that ANALYZE has collected or a user has set: they are dropped with a table.
fn keep_statistics(table: &str, rebuilt: &str) -> [impl Fn(&String) -> String; 2] {
    let literal = |name: &str| sql::literal(Engine::Sqlite, name);
    let (table, rebuilt) = (literal(table), literal(rebuilt));
    let to = |new: String, old: String| {
        move |holder: &String| {
            format!("UPDATE {holder} SET tbl = {new} WHERE tbl = {old} COLLATE NOCASE")
        }
    };
    [to(rebuilt.clone(), table.clone()), to(table, rebuilt)]
}

#[cfg(test)]
mod tests;
