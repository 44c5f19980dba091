//! What migrations declare, in SeaQuery: each adds to the shape of the one before.

mod contradictions;

pub(crate) use contradictions::LONGEST_NAME;

use sea_query::{
    Alias, ColumnDef, ForeignKeyAction, ForeignKeyCreateStatement, Index as IndexStatement,
    IndexCreateStatement, IntoIden, PostgresQueryBuilder, TableCreateStatement, TableRef,
};

use crate::{
    model::{Attributes, Column, Filled, ForeignKey, Index, Kind, Table},
    types::Type,
};

/// A migration that declares what it adds, for the engine to converge on.
///
/// ```
/// use converge::{Declares, Shape};
/// use sea_orm_migration::{prelude::*, schema::*};
///
/// #[derive(DeriveIden)]
/// enum Notes {
///     Table,
///     Id,
///     Body,
/// }
///
/// struct Migration;
///
/// impl Declares for Migration {
///     fn declare(shape: &mut Shape) {
///         shape.table(
///             Table::create()
///                 .table(Notes::Table)
///                 .col(pk_auto(Notes::Id))
///                 .col(text(Notes::Body)),
///         );
///     }
/// }
///
/// let mut shape = Shape::default();
/// Migration::declare(&mut shape);
/// assert!(shape.require_comparable().is_ok());
/// ```
pub trait Declares {
    /// Adds what the migration declares to the shape that the migrations before it have declared.
    fn declare(shape: &mut Shape);
}

/// A migration's name and declaration.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The name that is recorded.
    pub name: String,
    /// The function that adds the declaration to a shape.
    pub declare: fn(&mut Shape),
}

/// The sum of what migrations declare.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    pub(crate) tables: Vec<Declared>,
    /// Every table as the last of all migrations leaves it.
    newest: Vec<Table>,
    problems: Vec<String>,
    /// The migration whose declaration is being added.
    migration: String,
}

/// A declared table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) table: Table,
    pub(crate) role: Role,
    /// The columns whose long values are stored without slow compression.
    pub(crate) fast_storage: Vec<String>,
}

/// The owner of a declared table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The migrations create it and change it.
    Own,
    /// The application creates it; the migration of this name may create one where that is allowed.
    Required { by: String },
}

/// An error of a declaration that contains something that the engine cannot compare with a catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a migration's declaration cannot be compared with a database: {}", problems.join("; "))]
pub struct DeclarationError {
    /// The problems, each with the migration and the table, column or index.
    pub problems: Vec<String>,
}

impl Shape {
    /// Returns the shape that the first `count` of these migrations declare together.
    ///
    /// # Errors
    ///
    /// [`DeclarationError`] if any of all these migrations declares something that cannot be
    /// compared with a catalog.
    pub fn at(all: &[Declaration], count: usize) -> Result<Self, DeclarationError> {
        let newest = Self::of(all)?;
        let mut shape = Self::of(all.get(..count).unwrap_or(all))?;
        shape.newest = newest.tables.into_iter().map(|one| one.table).collect();
        Ok(shape)
    }

    fn of(declarations: &[Declaration]) -> Result<Self, DeclarationError> {
        let mut shape = Self::default();
        for Declaration { name, declare } in declarations {
            shape.migration.clone_from(name);
            declare(&mut shape);
        }
        shape.migration.clear();
        shape.require_comparable()?;
        Ok(shape)
    }

    /// Returns the tables that are inspected: the declared ones, and those that a later migration
    /// declares, which may exist.
    pub(crate) fn inspected(&self) -> impl Iterator<Item = &Table> {
        let declared = self.tables.iter().map(|declared| &declared.table);
        let is_later = |one: &&Table| self.declared(&one.name).is_none();
        declared.chain(self.newest.iter().filter(is_later))
    }

    /// Returns whether the table is the application's, so that only what a foreign key needs of it
    /// is compared.
    pub(crate) fn only_requires(&self, table: &str) -> bool {
        let declared = self.declared(table);
        declared.is_some_and(|one| matches!(one.role, Role::Required { .. }))
    }

    /// Returns a number of steps larger than the tables can need, at which an endless loop is
    /// detected.
    pub(crate) fn most_steps(&self) -> usize {
        const A_TABLE: usize = 100;
        A_TABLE * self.tables.len().max(1)
    }

    /// Returns the tables, each after those that it refers to: a key may refer to a table that is
    /// created in the same run, and SQLite rebuilds none that others refer to.
    pub(crate) fn parents_first(&self) -> Vec<&Declared> {
        let mut left: Vec<&Declared> = self.tables.iter().collect();
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let waits = |one: &&Declared| {
                let mut keys = one.table.foreign_keys.iter();
                keys.any(|key| {
                    let is_parent = |other: &&Declared| other.table.name == key.table;
                    key.table != one.table.name && left.iter().any(is_parent)
                })
            };
            // Declarations have no circle, and any order would do for one.
            let at = left.iter().position(|one| !waits(one)).unwrap_or(0);
            ordered.push(left.remove(at));
        }
        ordered
    }

    /// Returns a declared table as the last of all migrations leaves it.
    pub(crate) fn newest_form<'s>(&'s self, declared: &'s Table) -> &'s Table {
        let is_it = |one: &&Table| one.name == declared.name;
        self.newest.iter().find(is_it).unwrap_or(declared)
    }

    /// Returns the foreign keys to a table, each with the table that has it.
    pub(crate) fn referrers_of<'s>(
        &'s self,
        parent: &'s str,
    ) -> impl Iterator<Item = (&'s Table, &'s ForeignKey)> {
        let keys = self.inspected().flat_map(|table| {
            let keys = table.foreign_keys.iter();
            keys.map(move |key| (table, key))
        });
        keys.filter(move |(_, key)| key.table == parent)
    }

    /// Requires that the engine can compare everything that is declared with a catalog.
    ///
    /// # Errors
    ///
    /// [`DeclarationError`], with everything that it cannot compare.
    pub fn require_comparable(&self) -> Result<(), DeclarationError> {
        let contradictions = contradictions::find(self);
        let problems: Vec<String> = self
            .problems
            .iter()
            .cloned()
            .chain(contradictions)
            .collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(DeclarationError { problems }),
        }
    }

    /// Declares a table that the migrations create: columns, the primary key, foreign keys and
    /// indexes.
    pub fn table(&mut self, table: &TableCreateStatement) -> &mut Self {
        self.add_table(table, Role::Own)
    }

    /// Declares a table of the application, of which only these columns and the primary key are
    /// required. It is created if the caller allows that, and never changed.
    pub fn require(&mut self, table: &TableCreateStatement) -> &mut Self {
        let by = self.migration.clone();
        self.add_table(table, Role::Required { by })
    }

    /// Declares a further column of a declared table. If it is missing it is added, provided that
    /// it is nullable.
    pub fn column(&mut self, table: impl IntoIden, column: &ColumnDef) -> &mut Self {
        let table = table.into_iden().to_string();
        let Some(column) = self.read_column(&table, column) else {
            return self;
        };
        match self.declared_mut(&table) {
            Some(declared) => declared.table.columns.push(column),
            None => self.problem(&format!("column {}: {table} is not declared", column.name)),
        }
        self
    }

    /// Declares an index of a declared table, unique or not, over columns alone and every row.
    pub fn index(&mut self, index: &IndexCreateStatement) -> &mut Self {
        let tables = self.tables.iter().map(|one| one.table.name.clone());
        let found = tables
            .into_iter()
            .find_map(|table| Some((table.clone(), plain_index(&table, index)?)));
        match found {
            Some((table, index)) => {
                if let Some(declared) = self.declared_mut(&table) {
                    declared.table.indexes.push(index);
                }
            }
            None => self.problem(&format!(
                "{}: no plain index with a name over columns of a declared table",
                index.to_string(PostgresQueryBuilder)
            )),
        }
        self
    }

    /// Declares a foreign key of a declared table.
    pub fn foreign_key(&mut self, key: &ForeignKeyCreateStatement) -> &mut Self {
        let table = key.get_foreign_key().get_table().and_then(name_of);
        let table = table.unwrap_or_default();
        let key = self.read_foreign_key(&table, key);
        match (self.declared_mut(&table), key) {
            (Some(declared), Some(key)) => declared.table.foreign_keys.push(key),
            (None, Some(_)) => {
                self.problem(&format!("a foreign key: table {table:?} is not declared"));
            }
            (_, None) => {}
        }
        self
    }

    /// Declares that PostgreSQL compresses long values of a column with lz4 or, if the server lacks
    /// lz4, not at all. Other engines have no such setting.
    pub fn fast_storage(&mut self, table: impl IntoIden, column: impl IntoIden) -> &mut Self {
        let (table, column) = (
            table.into_iden().to_string(),
            column.into_iden().to_string(),
        );
        match self.declared_mut(&table) {
            Some(declared) if declared.table.column(&column).is_some() => {
                declared.fast_storage.push(column);
            }
            Some(_) | None => self.problem(&format!("storage: {table}.{column} is not declared")),
        }
        self
    }

    /// Returns the names of the tables that the migrations create.
    pub fn own_tables(&self) -> impl Iterator<Item = &str> {
        let own = |declared: &&Declared| declared.role == Role::Own;
        let own = self.tables.iter().filter(own);
        own.map(|declared| declared.table.name.as_str())
    }

    /// Returns the columns that this shape adds to the tables of an older one, each as
    /// TABLE.COLUMN.
    pub fn columns_beyond(&self, older: &Self) -> Vec<String> {
        let added = self.tables.iter().filter_map(|declared| {
            let before = older.table_named(&declared.table.name)?;
            let columns = declared.table.columns.iter();
            let columns = columns.filter(|column| before.column(&column.name).is_none());
            let name = |column: &Column| format!("{}.{}", declared.table.name, column.name);
            Some(columns.map(name).collect::<Vec<_>>())
        });
        added.flatten().collect()
    }

    /// Returns the names of the application's tables that are required.
    pub fn required_tables(&self) -> impl Iterator<Item = &str> {
        let is_required = |declared: &&Declared| declared.role != Role::Own;
        let required = self.tables.iter().filter(is_required);
        required.map(|declared| declared.table.name.as_str())
    }

    /// Returns whether the migrations create a table of this name.
    pub fn has_own(&self, table: &str) -> bool {
        self.own_tables().any(|own| own == table)
    }

    /// Returns whether this shape adds required tables to an older one, and nothing else.
    pub fn only_requires_beyond(&self, older: &Self) -> bool {
        self.tables
            .iter()
            .all(|one| match older.declared(&one.table.name) {
                Some(before) => before == one,
                None => one.role != Role::Own,
            })
    }

    pub(crate) fn declared(&self, table: &str) -> Option<&Declared> {
        let is_it = |one: &&Declared| one.table.name == table;
        self.tables.iter().find(is_it)
    }

    pub(crate) fn table_named(&self, table: &str) -> Option<&Table> {
        self.declared(table).map(|declared| &declared.table)
    }

    /// Returns the required tables that only the newer shape declares.
    pub(crate) fn made_beyond<'s>(&'s self, older: &'s Self) -> impl Iterator<Item = &'s Declared> {
        let is_new =
            |one: &&Declared| one.role != Role::Own && older.declared(&one.table.name).is_none();
        self.tables.iter().filter(is_new)
    }

    /// Returns whether a newer shape adds own tables, and nothing else.
    pub(crate) fn declares_all_but_tables_of(&self, newer: &Self) -> bool {
        newer
            .tables
            .iter()
            .all(|one| match self.declared(&one.table.name) {
                Some(before) => before == one,
                None => one.role == Role::Own,
            })
    }

    fn declared_mut(&mut self, table: &str) -> Option<&mut Declared> {
        self.tables.iter_mut().find(|one| one.table.name == table)
    }

    fn problem(&mut self, what: &str) {
        let migration = match self.migration.as_str() {
            "" => String::new(),
            name => format!("{name}: "),
        };
        self.problems.push(format!("{migration}{what}"));
    }

    fn add_table(&mut self, statement: &TableCreateStatement, role: Role) -> &mut Self {
        let Some(name) = statement.get_table_name().and_then(name_of) else {
            self.problem("a table has no name, or one with a schema");
            return self;
        };
        if self.declared(&name).is_some() {
            self.problem(&format!("{name} is declared twice"));
            return self;
        }
        if statement.get_comment().is_some() || statement.get_extra().is_some() {
            self.problem(&format!(
                "{name}: comments and extra words are not compared"
            ));
        }
        let mut table = Table::new(&name, Kind::Table);
        for column in statement.get_columns() {
            if column.get_column_spec().primary_key {
                table.primary_key.push(column.get_column_name());
            }
            table.columns.extend(self.read_column(&name, column));
        }
        for index in statement.get_indexes() {
            let spec = index.get_index_spec();
            if index.is_primary_key() {
                table.primary_key = spec.get_column_names();
                continue;
            }
            let mut of_table = IndexStatement::create();
            of_table.table(Alias::new(&name));
            of_table.name(spec.get_name().unwrap_or_default());
            spec.get_column_names().into_iter().for_each(|column| {
                of_table.col(Alias::new(column));
            });
            if index.is_unique_key() {
                of_table.unique();
            }
            match plain_index(&name, &of_table) {
                Some(index) => table.indexes.push(index),
                None => self.problem(&format!("{name}: an index without a name")),
            }
        }
        for key in statement.get_foreign_key_create_stmts() {
            table.foreign_keys.extend(self.read_foreign_key(&name, key));
        }
        if table.primary_key.is_empty() {
            self.problem(&format!("{name} has no primary key"));
        }
        for key in table.primary_key.clone() {
            for column in table.columns.iter_mut().filter(|one| one.name == key) {
                column.nullable = false;
            }
        }
        let numbered = table.auto_increment().map(|column| column.name.clone());
        if numbered.is_some_and(|column| table.primary_key != [column]) {
            self.problem(&format!(
                "{name}: a column with auto-increment that is not the primary key"
            ));
        }
        self.tables.push(Declared {
            table,
            role,
            fast_storage: Vec::new(),
        });
        self
    }

    fn read_column(&mut self, table: &str, column: &ColumnDef) -> Option<Column> {
        let name = column.get_column_name();
        let spec = column.get_column_spec();
        let unspoken = [
            (spec.default.is_some(), "a default"),
            (spec.check.is_some(), "a check"),
            (spec.generated.is_some(), "a generating expression"),
            (spec.unique, "UNIQUE, which an index declares"),
            (spec.extra.is_some(), "extra words"),
            (spec.comment.is_some(), "a comment"),
            (spec.using.is_some(), "a USING clause"),
        ];
        for (_, what) in unspoken.into_iter().filter(|(is_said, _)| *is_said) {
            self.problem(&format!("{table}.{name} has {what}"));
        }
        let Some(kind) = column.get_column_type().and_then(Type::declared) else {
            self.problem(&format!("{table}.{name} has a type that is not compared"));
            return None;
        };
        let is_numbered = spec.auto_increment;
        if is_numbered && !matches!(kind, Type::Integer { .. }) {
            self.problem(&format!("{table}.{name} is numbered and no integer"));
        }
        Some(Column {
            name,
            printed: kind.to_string(),
            kind,
            nullable: !is_numbered && spec.nullable.unwrap_or(true),
            default: None,
            filled: match is_numbered {
                true => Filled::AutoIncrement { sequence: None },
                false => Filled::ByDefault,
            },
            attributes: Attributes::default(),
        })
    }

    fn read_foreign_key(
        &mut self,
        table: &str,
        key: &ForeignKeyCreateStatement,
    ) -> Option<ForeignKey> {
        let spec = key.get_foreign_key();
        let columns = spec.get_columns();
        let Some(parent) = spec.get_ref_table().and_then(name_of) else {
            self.problem(&format!("{table}: a foreign key to no table"));
            return None;
        };
        if columns.len() != 1 || spec.get_ref_columns().len() != 1 {
            self.problem(&format!("{table}: a foreign key of several columns"));
            return None;
        }
        if self.declared(&parent).is_none() && parent != table {
            self.problem(&format!("{table}: {parent} is not declared"));
        }
        let default_name = format!("{table}_{}_fkey", columns.join("_"));
        let action = |action: Option<ForeignKeyAction>| match action {
            Some(ForeignKeyAction::Cascade) => "CASCADE",
            Some(ForeignKeyAction::Restrict) => "RESTRICT",
            Some(ForeignKeyAction::SetNull) => "SET NULL",
            Some(ForeignKeyAction::SetDefault) => "SET DEFAULT",
            _ => "NO ACTION",
        };
        if spec.get_on_update().is_some() {
            self.problem(&format!("{table}: ON UPDATE is not compared"));
        }
        Some(ForeignKey {
            name: Some(spec.get_name().map_or(default_name, str::to_owned)),
            columns,
            table: parent,
            references: spec.get_ref_columns(),
            on_delete: action(spec.get_on_delete()).to_owned(),
            on_update: "NO ACTION".to_owned(),
            timing: String::new(),
            comment: None,
            validated: Some(true),
            enforced: true,
        })
    }
}

/// Returns the index if it belongs to this table and has nothing that SeaQuery does not reveal: it
/// is built again from its name and columns, and compared as a statement.
fn plain_index(table: &str, index: &IndexCreateStatement) -> Option<Index> {
    let spec = index.get_index_spec();
    let name = spec.get_name()?;
    let mut plain = IndexStatement::create();
    plain.name(name).table(Alias::new(table));
    for column in spec.get_column_names() {
        plain.col(Alias::new(column));
    }
    if index.is_unique_key() {
        plain.unique();
    }
    let is_plain = plain.to_string(PostgresQueryBuilder) == index.to_string(PostgresQueryBuilder);
    is_plain.then(|| Index::declared(name, spec.get_column_names(), index.is_unique_key()))
}

fn name_of(table: &TableRef) -> Option<String> {
    match table {
        TableRef::Table(name, None) if name.0.is_none() => Some(name.1.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
