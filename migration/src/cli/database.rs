use std::{fmt, path::absolute, time::Duration};

use sea_orm::sqlx::{
    mysql::{MySqlConnectOptions, MySqlSslMode},
    postgres::{PgConnectOptions, PgSslMode},
    sqlite::SqliteConnectOptions,
};

use super::{environment::Url, error::CliError};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The database that a URL names. Shown without its password.
#[derive(Clone)]
pub(super) enum Database {
    Postgres(PgConnectOptions),
    MySql(MySqlConnectOptions),
    Sqlite(SqliteConnectOptions),
}

impl Database {
    /// SQLite waits by itself for whoever writes, five seconds where nobody says less.
    pub(super) fn waiting(self, lock_wait: Duration) -> Self {
        match self {
            Self::Sqlite(options) => {
                Self::Sqlite(options.busy_timeout(lock_wait.min(BUSY_TIMEOUT)))
            }
            server => server,
        }
    }

    pub(super) fn parse(url: &Url) -> Result<Self, CliError> {
        let text = url.text.as_str();
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        let malformed = |reason: &str| CliError::UrlMalformed(reason.to_owned());
        let unreadable = |error: sea_orm::sqlx::Error| malformed(&error.to_string());
        match scheme {
            "postgres" | "postgresql" | "mysql" => {
                let after_host = rest
                    .strip_prefix("//")
                    .and_then(|rest| rest.split_once(['/', '?', '#']));
                if !rest.starts_with("//") {
                    return Err(malformed("// is missing after the scheme"));
                }
                // What stands before it would be shown as a host or a database, and may be a password.
                if after_host.is_some_and(|(_, rest)| rest.contains('@')) {
                    return Err(malformed("there is an @ after the first /, ? or #"));
                }
            }
            "sqlite" if rest.trim_start_matches('/').split('?').next() == Some("") => {
                return Err(CliError::DatabaseUnnamed);
            }
            "sqlite"
                if rest.contains('@')
                    && rest.contains("//")
                    && rest.trim_start_matches('/').contains(':') =>
            {
                return Err(malformed("a file of SQLite has no user and no password"));
            }
            "sqlite" => {}
            _ => {
                // What stands before a colon elsewhere may be a password.
                let is_scheme = |one: &&str| {
                    rest.starts_with("//")
                        && one
                            .chars()
                            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
                };
                let scheme = Some(scheme).filter(is_scheme).map(str::to_owned);
                return Err(CliError::UnknownScheme(scheme));
            }
        }
        match scheme {
            "mysql" => {
                let options: MySqlConnectOptions = text.parse().map_err(unreadable)?;
                match options.get_database() {
                    Some(_) => Ok(Self::MySql(options)),
                    None => Err(CliError::DatabaseUnnamed),
                }
            }
            "sqlite" => {
                let options: SqliteConnectOptions = text.parse().map_err(unreadable)?;
                let file = match &url.folder {
                    Some(folder) if !is_in_memory(&options) => folder.join(options.get_filename()),
                    _ => options.get_filename().to_owned(),
                };
                Ok(Self::Sqlite(options.filename(file)))
            }
            _ => text.parse().map(Self::Postgres).map_err(unreadable),
        }
    }

    /// The same without TLS, where the URL only prefers it.
    pub(super) fn without_tls(&self) -> Option<Self> {
        match self.clone() {
            Self::Postgres(options) if matches!(options.get_ssl_mode(), PgSslMode::Prefer) => {
                Some(Self::Postgres(options.ssl_mode(PgSslMode::Disable)))
            }
            Self::MySql(options) if matches!(options.get_ssl_mode(), MySqlSslMode::Preferred) => {
                Some(Self::MySql(options.ssl_mode(MySqlSslMode::Disabled)))
            }
            _ => None,
        }
    }
}

/// sqlx makes up a name for it.
fn is_in_memory(options: &SqliteConnectOptions) -> bool {
    options
        .get_filename()
        .to_string_lossy()
        .contains("sqlx-in-memory")
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (product, socket, database, user, host, port) = match self {
            Self::Sqlite(options) if is_in_memory(options) => {
                return f.write_str("SQLite database in memory");
            }
            Self::Sqlite(options) => {
                let file = options.get_filename();
                let file = absolute(file).unwrap_or(file.to_owned());
                return write!(f, "SQLite file {}", file.display());
            }
            Self::Postgres(options) => (
                "PostgreSQL",
                options.get_socket(),
                options.get_database().unwrap_or(options.get_username()),
                options.get_username(),
                options.get_host(),
                options.get_port(),
            ),
            Self::MySql(options) => (
                "MySQL or MariaDB",
                options.get_socket(),
                options.get_database().unwrap_or_default(),
                options.get_username(),
                options.get_host(),
                options.get_port(),
            ),
        };
        write!(f, "{product} database {database:?} at ")?;
        match socket {
            Some(socket) => write!(f, "{}", socket.display())?,
            None => write!(f, "{host}:{port}")?,
        }
        write!(f, " as user {user:?}")
    }
}
