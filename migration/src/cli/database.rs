use std::{error::Error, fmt, net::Ipv6Addr, path::Path, str::FromStr, time::Duration};

use sea_orm::sqlx::{
    self,
    mysql::{MySqlConnectOptions, MySqlSslMode},
    postgres::{PgConnectOptions, PgSslMode},
};
use url::ParseError;

use super::{
    environment::Url,
    error::{CliError, UrlPart, reason},
    parameters::{self, Parameters},
    sqlite::Sqlite,
    tls,
};

/// The database that a URL names. Its `Display` omits the password.
#[derive(Clone)]
pub(super) enum Database {
    Postgres(PgConnectOptions),
    MySql(MySqlConnectOptions),
    Sqlite(Sqlite),
}

/// The access to the database that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Reads,
    /// Reads, and then writes through the same pool. An SQLite file that does not exist is not created.
    ReadsFirst,
    Writes,
}

impl Access {
    /// Returns the size of the pool. For writing, one connection holds the migration lock, and the other one does the
    /// work.
    pub(super) fn connections(self) -> u32 {
        match self {
            Self::Reads => 1,
            Self::ReadsFirst | Self::Writes => 2,
        }
    }
}

impl Database {
    /// Returns the database for a command with this access. On SQLite, sets how long statements wait for a lock.
    pub(super) fn accessed(self, access: Access, lock_wait: Duration) -> Self {
        match (self, access) {
            (Self::Sqlite(file), Access::Reads | Access::ReadsFirst) => {
                Self::Sqlite(file.waiting(lock_wait).read_only())
            }
            (Self::Sqlite(file), Access::Writes) => Self::Sqlite(file.waiting(lock_wait)),
            (server @ (Self::Postgres(_) | Self::MySql(_)), _) => server,
        }
    }

    /// Parses a URL. `schema` is the schema that was named apart from the URL.
    pub(super) fn parse(url: &Url, schema: Option<&str>) -> Result<Self, CliError> {
        let text = url.text.as_str();
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        match scheme {
            "postgres" | "postgresql" => postgres(text, rest, schema).map(Self::Postgres),
            "mysql" => mysql(text, rest).map(Self::MySql),
            "sqlite" => Sqlite::parse(url).map(Self::Sqlite),
            _ => Err(unknown_scheme(scheme, rest)),
        }
    }

    /// Returns the SQLite file that does not exist, if an empty database in memory stands for it.
    pub(super) fn absent_file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => file.absent_file(),
            Self::Postgres(_) | Self::MySql(_) => None,
        }
    }

    /// Returns the same database without TLS, if the URL only prefers TLS.
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

fn postgres(text: &str, rest: &str, schema: Option<&str>) -> Result<PgConnectOptions, CliError> {
    require_authority(rest)?;
    let parameters = Parameters::of(text);
    match parameters.unread_schema() {
        Some((parameter, value)) if schema != Some(value) => {
            return Err(CliError::SchemaInUrl(parameter.to_owned()));
        }
        _ => {}
    }
    let options: PgConnectOptions = parse(text)?;
    let options = match without_brackets(options.get_host()) {
        Some(address) => options.host(&address),
        None => options,
    };
    let mode = tls::postgres_mode(options.get_ssl_mode(), &parameters)?;
    Ok(options.ssl_mode(mode))
}

fn mysql(text: &str, rest: &str) -> Result<MySqlConnectOptions, CliError> {
    require_authority(rest)?;
    let parameters = Parameters::of(text);
    if let Some((parameter, _)) = parameters.unread_schema() {
        return Err(CliError::NoSchemas(parameter.to_owned()));
    }
    let options: MySqlConnectOptions = parse(text)?;
    if options.get_database().is_none() {
        return Err(CliError::DatabaseUnnamed);
    }
    let options = match without_brackets(options.get_host()) {
        Some(address) => options.host(&address),
        None => options,
    };
    let mode = tls::mysql_mode(options.get_ssl_mode(), &parameters)?;
    Ok(options.ssl_mode(mode))
}

fn parse<O: FromStr<Err = sqlx::Error>>(text: &str) -> Result<O, CliError> {
    text.parse().map_err(|error| {
        let part = part_of(&error);
        let reason = reason(error);
        let is_wrong = |url: &str| url.parse::<O>().is_err();
        match parameters::wrong_one(text, is_wrong) {
            Some(parameter) => CliError::ParameterMalformed { parameter, reason },
            None => CliError::UrlMalformed { reason, part },
        }
    })
}

fn part_of(error: &sqlx::Error) -> UrlPart {
    let source = error.source();
    match source.and_then(|source| source.downcast_ref::<ParseError>()) {
        Some(ParseError::InvalidPort) => UrlPart::Port,
        Some(
            ParseError::EmptyHost
            | ParseError::IdnaError
            | ParseError::InvalidDomainCharacter
            | ParseError::InvalidIpv4Address
            | ParseError::InvalidIpv6Address,
        ) => UrlPart::Host,
        Some(_) => UrlPart::Form,
        None => UrlPart::Encoding,
    }
}

fn require_authority(rest: &str) -> Result<(), CliError> {
    let malformed = |part, reason: &str| {
        let reason = reason.to_owned();
        Err(CliError::UrlMalformed { reason, part })
    };
    let Some(authority) = rest.strip_prefix("//") else {
        return malformed(UrlPart::Form, "// is missing after the scheme");
    };
    // An @ that was not encoded would move a part of the password to where a host or a database is expected, and
    // messages show those.
    match authority.split_once(['/', '?', '#']) {
        Some((_, rest)) if rest.contains('@') => malformed(
            UrlPart::Credentials,
            "there is an @ after the first /, ? or #",
        ),
        _ => Ok(()),
    }
}

/// Returns the error with the scheme, if the text before the colon is one: otherwise it may be a password.
fn unknown_scheme(scheme: &str, rest: &str) -> CliError {
    let may_be_shown = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    let is_scheme = rest.starts_with("//") && scheme.chars().all(may_be_shown);
    CliError::UnknownScheme(is_scheme.then(|| scheme.to_owned()))
}

/// Returns an IPv6 address without the URL's brackets, which the drivers keep and rustls does not accept.
fn without_brackets(host: &str) -> Option<String> {
    let address = host.strip_prefix('[')?.strip_suffix(']')?;
    Some(address.to_owned())
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (product, socket, database, user, host, port) = match self {
            Self::Sqlite(file) => return file.fmt(f),
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
        match (socket, host.parse::<Ipv6Addr>()) {
            (Some(socket), _) => write!(f, "{}", socket.display())?,
            (None, Ok(address)) => write!(f, "[{address}]:{port}")?,
            (None, Err(_)) => write!(f, "{host}:{port}")?,
        }
        write!(f, " as user {user:?}")
    }
}
