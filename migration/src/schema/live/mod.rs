//! What is there, read from the engine's catalog.
//!
//! Every dialect has the same three questions: where am I ([`place`]), which tables are here
//! ([`tables`]), and what is this one ([`table`]).

mod mysql;
mod postgres;
mod sqlite;

use std::fmt;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TryGetable, Value};

use crate::Error;

/// Where the tables are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The database's name; of SQLite its file.
    pub database: String,
    /// PostgreSQL: the schema in which new tables are made.
    pub schema: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {:?}", self.database)?;
        match &self.schema {
            Some(schema) => write!(f, ", schema {schema:?}"),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) kind: Kind,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a foreign key may refer to this column alone.
    pub(crate) fn is_key(&self, column: &str) -> bool {
        self.indexes
            .iter()
            .any(|index| index.is_key && index.columns == [column])
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    /// A table of a MySQL storage engine that reads foreign keys and forgets them.
    TableOfEngine(String),
    /// Anything else that carries the name, in the engine's words.
    Other(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as the engine prints it.
    pub(crate) declared: String,
    pub(crate) kind: ColumnKind,
}

/// What of a column's type matters to the entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Integer { bits: u8, signed: bool },
    Other,
}

impl ColumnKind {
    pub(crate) const INTEGER: Self = Self::Integer {
        bits: 32,
        signed: true,
    };
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    /// Unique over every row, so that a foreign key may refer to its columns.
    pub(crate) is_key: bool,
}

/// The database, and on PostgreSQL the schema, that this connection works in.
pub(crate) async fn place(db: &impl ConnectionTrait) -> Result<Place, Error> {
    let place = match db.get_database_backend() {
        DbBackend::Postgres => postgres::place(db).await,
        DbBackend::MySql => mysql::place(db).await,
        DbBackend::Sqlite => sqlite::place(db).await,
        other => Err(unsupported(other)),
    };
    place.map_err(Error::looking_for("the current database"))
}

/// The names of the tables and views in that place, in order.
pub(crate) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, Error> {
    let tables = match db.get_database_backend() {
        DbBackend::Postgres => postgres::tables(db).await,
        DbBackend::MySql => mysql::tables(db).await,
        DbBackend::Sqlite => sqlite::tables(db).await,
        other => Err(unsupported(other)),
    };
    tables.map_err(Error::looking_for("the tables"))
}

/// What carries this name, as an unqualified name is resolved.
pub(crate) async fn table(
    db: &impl ConnectionTrait,
    name: &'static str,
) -> Result<Option<Table>, Error> {
    let table = match db.get_database_backend() {
        DbBackend::Postgres => postgres::table(db, name).await,
        DbBackend::MySql => mysql::table(db, name).await,
        DbBackend::Sqlite => sqlite::table(db, name).await,
        other => Err(unsupported(other)),
    };
    table.map_err(Error::looking_for(name))
}

fn unsupported(backend: DbBackend) -> DbErr {
    DbErr::BackendNotSupported {
        db: backend.as_str(),
        ctx: "the ColPali vectors migration",
    }
}

async fn rows<T>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
    read: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<Vec<T>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.query_all_raw(statement)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// The first column of each row.
async fn list<T: TryGetable>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<T>, DbErr> {
    rows(db, sql, values, |row| row.try_get_by_index(0)).await
}

/// One row for each column of each index, ordered, becomes one index with its columns.
fn gather(rows: impl IntoIterator<Item = Index>) -> Vec<Index> {
    let mut indexes: Vec<Index> = Vec::new();
    for row in rows {
        match indexes.last_mut().filter(|last| last.name == row.name) {
            Some(index) => index.columns.extend(row.columns),
            None => indexes.push(row),
        }
    }
    indexes
}
