//! The kinds of databases that are supported.

use sea_orm::{ConnectionTrait, DbBackend};

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub enum Engine {
    /// PostgreSQL, and Citus.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
}

impl Engine {
    /// Returns the engine of a connection.
    pub fn of<C: ConnectionTrait>(db: &C) -> Self {
        db.get_database_backend().into()
    }

    /// Returns SeaORM's name of it.
    pub fn backend(self) -> DbBackend {
        match self {
            Self::Postgres => DbBackend::Postgres,
            Self::MySql => DbBackend::MySql,
            Self::Sqlite => DbBackend::Sqlite,
        }
    }

    /// Returns its name, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
        }
    }

    /// Returns the engine of a [name](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Postgres, Self::MySql, Self::Sqlite];
        all.into_iter().find(|engine| engine.name() == name)
    }

    /// What holds tables, in words that their name follows.
    pub(crate) fn location(self) -> &'static str {
        match self {
            Self::Postgres => "the database and schema that hold",
            Self::MySql | Self::Sqlite => "the database that holds",
        }
    }
}

impl From<DbBackend> for Engine {
    /// SeaORM knows three. One that it adds is taken for SQLite's kind, and refuses the first statement.
    fn from(backend: DbBackend) -> Self {
        match backend {
            DbBackend::Postgres => Self::Postgres,
            DbBackend::MySql => Self::MySql,
            _ => Self::Sqlite,
        }
    }
}
