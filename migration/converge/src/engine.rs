//! The supported kinds of databases.

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

    /// Returns SeaORM's name of the engine.
    pub fn backend(self) -> DbBackend {
        match self {
            Self::Postgres => DbBackend::Postgres,
            Self::MySql => DbBackend::MySql,
            Self::Sqlite => DbBackend::Sqlite,
        }
    }

    /// Returns the engine's name in lower case.
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

    /// Returns the word for what contains tables; their name follows it.
    pub(crate) fn location(self) -> &'static str {
        match self {
            Self::Postgres => "the database and schema that hold",
            Self::MySql | Self::Sqlite => "the database that holds",
        }
    }
}

impl From<DbBackend> for Engine {
    /// Converts SeaORM's backend, of which there are three. One that SeaORM adds later counts as
    /// SQLite, which then refuses the first statement.
    fn from(backend: DbBackend) -> Self {
        match backend {
            DbBackend::Postgres => Self::Postgres,
            DbBackend::MySql => Self::MySql,
            _ => Self::Sqlite,
        }
    }
}
