use std::{fmt, path::absolute};

use sea_orm::sqlx::{
    mysql::MySqlConnectOptions, postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};

use super::error::CliError;

/// The database that a URL names. Shown without its password.
#[derive(Clone, Debug)]
pub(super) enum Database {
    Postgres(PgConnectOptions),
    MySql(MySqlConnectOptions),
    Sqlite(SqliteConnectOptions),
}

impl Database {
    pub(super) fn parse(url: &str) -> Result<Self, CliError> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let parsed = match scheme {
            "postgres" | "postgresql" => url.parse().map(Self::Postgres),
            "mysql" => url.parse().map(Self::MySql),
            "sqlite" => url.parse().map(Self::Sqlite),
            _ => return Err(CliError::unknown_scheme(scheme)),
        };
        let database = parsed.map_err(CliError::UrlMalformed)?;
        match database {
            Self::MySql(options) if options.get_database().is_none() => {
                Err(CliError::DatabaseUnnamed)
            }
            database => Ok(database),
        }
    }

    /// Host and port, where it is reached over TCP.
    pub(super) fn address(&self) -> Option<(&str, u16)> {
        match self {
            Self::Postgres(options) if options.get_socket().is_none() => {
                Some((options.get_host(), options.get_port()))
            }
            Self::MySql(options) if options.get_socket().is_none() => {
                Some((options.get_host(), options.get_port()))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (product, socket, database, user) = match self {
            Self::Sqlite(options) => {
                let file = options.get_filename();
                return write!(
                    f,
                    "SQLite file {}",
                    absolute(file).as_deref().unwrap_or(file).display()
                );
            }
            Self::Postgres(options) => (
                "PostgreSQL",
                options.get_socket(),
                options.get_database().unwrap_or(options.get_username()),
                options.get_username(),
            ),
            Self::MySql(options) => (
                "MySQL or MariaDB",
                options.get_socket(),
                options.get_database().unwrap_or_default(),
                options.get_username(),
            ),
        };
        write!(f, "{product} database {database:?} at ")?;
        match (socket, self.address()) {
            (Some(socket), _) => write!(f, "{}", socket.display())?,
            (None, Some((host, port))) => write!(f, "{host}:{port}")?,
            (None, None) => {}
        }
        write!(f, " as user {user:?}")
    }
}
