//! Other objects of the database: what `fresh` would drop, which tables refer to a table, and what
//! Alembic records.

use std::fmt;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::{mysql, postgres, sqlite};
use crate::{Error, engine::Engine, sql};

/// Returns what `fresh` drops here, by name.
///
/// # Errors
///
/// [`Error::Lookup`] if the catalog cannot be read.
pub async fn relations(db: &impl ConnectionTrait) -> Result<Vec<Relation>, Error> {
    let relations = match Engine::of(db) {
        Engine::Postgres => postgres::relations(db).await,
        Engine::MySql => mysql::relations(db).await,
        Engine::Sqlite => sqlite::relations(db).await,
    };
    relations.map_err(Error::looking_for("the tables and views"))
}

/// A table as a foreign key names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The database of a MySQL table.
    pub(crate) database: Option<String>,
    /// The name. PostgreSQL prints it quoted and with the schema if necessary.
    pub(crate) name: String,
    pub(crate) backend: Engine,
}

/// Prints the name as it stands in SQL.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.backend {
            Engine::Postgres => self.name.clone(),
            backend => sql::identifier(backend, &self.name),
        };
        match &self.database {
            Some(database) => write!(f, "{}.{name}", sql::identifier(self.backend, database)),
            None => write!(f, "{name}"),
        }
    }
}

/// A foreign key of one table to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Referrer {
    /// The table that has the key.
    pub(crate) table: Named,
    pub(crate) columns: Vec<String>,
    pub(crate) references: Vec<String>,
    /// The action in upper case, as in SQL.
    pub(crate) on_delete: String,
}

impl Referrer {
    /// Reads foreign keys. Each row has the key's name, by which its columns are gathered, the
    /// table, a column, the column that it refers to, and the action.
    pub(super) fn read(
        row: &QueryResult,
        database: Option<String>,
        backend: Engine,
    ) -> Result<(String, Self), DbErr> {
        let table = Named {
            database,
            name: row.try_get_by_index(1)?,
            backend,
        };
        let key = Self {
            table,
            columns: vec![row.try_get_by_index(2)?],
            references: vec![row.try_get_by_index(3)?],
            on_delete: row.try_get_by_index(4)?,
        };
        Ok((row.try_get_by_index(0)?, key))
    }

    /// Returns the condition for the rows that refer to those rows of the other table for which
    /// `condition` holds.
    pub(crate) fn condition(&self, to: &Named, condition: &str) -> String {
        let listed = |columns: &[String]| {
            let quoted = columns
                .iter()
                .map(|column| sql::identifier(to.backend, column));
            quoted.collect::<Vec<_>>().join(", ")
        };
        let (columns, references) = (listed(&self.columns), listed(&self.references));
        format!("({columns}) IN (SELECT {references} FROM {to} WHERE {condition})")
    }
}

/// Returns a table of this location as it is named in SQL.
pub(crate) async fn itself(db: &impl ConnectionTrait, table: &str) -> Result<Named, Error> {
    let backend = Engine::of(db);
    let database = match backend {
        Engine::MySql => Some(super::location(db).await?.database),
        Engine::Postgres | Engine::Sqlite => None,
    };
    let name = match backend {
        Engine::Postgres => sql::identifier(backend, table),
        Engine::MySql | Engine::Sqlite => table.to_owned(),
    };
    Ok(Named {
        database,
        name,
        backend,
    })
}

/// Returns the foreign keys that refer to a table, possibly including its own.
pub(crate) async fn referrers(
    db: &impl ConnectionTrait,
    to: &Named,
) -> Result<Vec<Referrer>, Error> {
    let found = match Engine::of(db) {
        Engine::Postgres => postgres::referrers(db, to).await,
        Engine::MySql => mysql::referrers(db, to).await,
        Engine::Sqlite => sqlite::referring_keys(db, to).await,
    };
    found.map_err(Error::looking_for(format!("the tables that refer to {to}")))
}

/// Returns the other tables that would lose rows or their keys if this one were dropped. SQLite
/// deletes the rows that refer to it. MySQL, if it does not check foreign keys, leaves the other
/// table with a key to a missing table. Otherwise both engines refuse halfway.
pub(crate) async fn referrers_to(
    db: &impl ConnectionTrait,
    table: &str,
) -> Result<Vec<String>, Error> {
    let itself = itself(db, table).await?;
    let keys = referrers(db, &itself).await?;
    let tables = keys.into_iter().map(|key| key.table);
    let mut tables: Vec<String> = tables
        .filter(|other| {
            !other.name.eq_ignore_ascii_case(&itself.name) || other.database != itself.database
        })
        .map(|other| match other.database {
            Some(database) if Some(&database) != itself.database.as_ref() => {
                format!("{database}.{}", other.name)
            }
            _ => other.name,
        })
        .collect();
    tables.sort_unstable();
    tables.dedup();
    Ok(tables)
}

/// Returns the objects of PostgreSQL without which a table could be dropped, and that do not go with
/// it: views, functions, rules and the like. Foreign keys are [`referrers_to`].
pub(crate) async fn users(db: &impl ConnectionTrait, table: &str) -> Result<Vec<String>, Error> {
    let users = postgres::users(db, table).await;
    users.map_err(Error::looking_for(format!("objects that use {table}")))
}

/// Returns the same for all tables together, for tables outside of the database: MySQL drops the
/// tables without checking those if it does not check foreign keys within.
///
/// # Errors
///
/// [`Error::Lookup`] if the catalog cannot be read.
pub async fn referrers_elsewhere(db: &impl ConnectionTrait) -> Result<Vec<String>, Error> {
    match Engine::of(db) {
        Engine::MySql => mysql::referrers_elsewhere(db)
            .await
            .map_err(Error::looking_for("the tables that refer to these")),
        Engine::Postgres | Engine::Sqlite => Ok(Vec::new()),
    }
}

/// A table, or a view on tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The name.
    pub name: String,
    /// The kind, as it stands after DROP.
    pub kind: String,
}

impl Relation {
    /// Returns whether it is a table.
    pub fn is_table(&self) -> bool {
        self.kind == "TABLE"
    }

    pub(super) fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            name: row.try_get_by_index(0)?,
            kind: row.try_get_by_index(1)?,
        })
    }
}
