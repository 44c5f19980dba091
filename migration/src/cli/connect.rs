//! Connects to the database of a URL, or returns the error that explains why that failed.

use std::{io::ErrorKind, time::Duration};

use async_std::{
    future::{TimeoutError, timeout},
    task,
};
use futures_timer::Delay;
use sea_orm::{
    ConnectOptions, DatabaseConnection, DbErr, QueryResult, RuntimeErr,
    sqlx::{self, ConnectOptions as _, Executor as _, mysql::MySqlDatabaseError},
};

use converge::{
    BETWEEN_TRIES, WRITER, Wait, is_in_use,
    session::{Session, Settings, Statements},
};

use super::{
    database::Database,
    error::{CliError, reason},
    parameters::{schemas, search_path},
    tls::Problem,
    whisper,
};

/// How long a server that is starting is waited for, and a pooler whose connections are all in use.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// The delay before a wait for the server is reported.
const QUIET: Duration = Duration::from_millis(250);

/// How long a server may take for its first answer before it is reported to give none.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// MySQL and MariaDB: overrides server settings with which transactions do not begin or end as the migrations require.
/// For example, BEGIN opens a block in Oracle's mode.
const OURS_ON_MYSQL: &str = "SET SESSION TRANSACTION READ WRITE; \
     SET SESSION sql_mode = replace(@@SESSION.sql_mode, 'ORACLE', ''), \
     autocommit = 1, completion_type = 'NO_CHAIN', sql_select_limit = 18446744073709551615 \
     /*M! , max_statement_time = 0 */ /*!50704 , max_execution_time = 0 */";

/// The `application_name` that PostgreSQL shows for these sessions, unless the URL names another one.
const APPLICATION: &str = "migration";

/// A pool to open.
#[derive(Clone, Copy)]
pub(super) struct Pool<'d> {
    pub(super) database: &'d Database,
    pub(super) connections: u32,
    /// How long an SQLite file that is locked is waited for.
    pub(super) lock_wait: Duration,
}

/// Connects, and returns PostgreSQL's schema: the named one, or the connection's own as in the library.
pub(super) async fn connect(
    pool: Pool<'_>,
    schema: Option<String>,
) -> Result<(DatabaseConnection, Option<String>), CliError> {
    let database = pool.database;
    let mut db = match open(pool).await {
        Err(error @ CliError::Tls { .. }) => match database.without_tls() {
            Some(plain) => {
                let database = &plain;
                go_without_tls(Pool { database, ..pool }, error).await?
            }
            None => return Err(error),
        },
        db => db?,
    };
    let schema = match database {
        Database::Postgres(_) => {
            let schemas = read_schemas(&db).await?;
            // A command that only reads does so within transactions, which set their own limit.
            let works_outside = pool.connections > 1;
            if schemas.limits_transactions
                && works_outside
                && let Ok(unlimited) = open_when_free(pool, Sessions::OursSince17).await
            {
                // A connection that does not close changes nothing.
                let _ = std::mem::replace(&mut db, unlimited).close().await;
            }
            let schema = require_schema(schemas, schema, database)?;
            tracing::info!("{database}, schema {schema:?}");
            Some(schema)
        }
        Database::MySql(_) | Database::Sqlite(_) => {
            tracing::info!("{database}");
            None
        }
    };
    Ok((db, schema))
}

/// Connects without TLS. A URL that only prefers TLS allows that, as in libpq.
async fn go_without_tls(plain: Pool<'_>, error: CliError) -> Result<DatabaseConnection, CliError> {
    match open(plain).await {
        Ok(db) => {
            tracing::info!("without TLS: {error}");
            Ok(db)
        }
        Err(_) => Err(error),
    }
}

/// Opens the pool. A pooler that refuses start-up parameters gets a second try without them.
async fn open(pool: Pool<'_>) -> Result<DatabaseConnection, CliError> {
    let announcement = task::spawn(announce(pool.database.clone()));
    let opened = match open_when_free(pool, Sessions::Ours).await {
        Err(CliError::Connection { reason, .. }) if reason.contains(REFUSED_BY_A_POOLER) => {
            tracing::debug!("the sessions keep their own timeouts: {reason}");
            open_when_free(pool, Sessions::AsTheyAre).await
        }
        opened => opened,
    };
    announcement.cancel().await;
    opened
}

/// PostgreSQL: the settings that a session begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sessions {
    /// The settings of [`OURS_ON_POSTGRES`], for statements outside of a transaction: CREATE INDEX CONCURRENTLY.
    Ours,
    /// In addition, those of [`OURS_SINCE_17`].
    OursSince17,
    /// The settings of the server and the role.
    AsTheyAre,
}

const OURS_ON_POSTGRES: [(&str, &str); 3] = [
    ("default_transaction_read_only", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
];

/// Settings that older servers do not know.
const OURS_SINCE_17: [(&str, &str); 1] = [("transaction_timeout", "0")];

/// A part of PgBouncer's message, because PgBouncer gives this error no SQLSTATE of its own.
const REFUSED_BY_A_POOLER: &str = "unsupported startup parameter";

/// Opens the pool, and retries while an SQLite file is locked. Opening the file reads it, which fails while another
/// process writes a large part of it.
async fn open_when_free(
    pool: Pool<'_>,
    sessions: Sessions,
) -> Result<DatabaseConnection, CliError> {
    let database = pool.database;
    let settings = Settings {
        lock_wait: pool.lock_wait,
        ..Settings::default()
    };
    let mut wait = Wait::begin();
    loop {
        match sea_orm::Database::connect(options(pool, sessions)).await {
            Ok(db) => return Ok(db),
            Err(error) if !is_in_use(&error) => return Err(explain(error, database).await),
            Err(_) if wait.is_over(&settings) => {
                return Err(CliError::FileInUse {
                    database: database.to_string(),
                    seconds: pool.lock_wait.as_secs(),
                });
            }
            Err(_) => wait.report(WRITER),
        }
        Delay::new(BETWEEN_TRIES).await;
    }
}

/// Reports once that the server is waited for, because the pool retries silently.
async fn announce(database: Database) {
    Delay::new(QUIET).await;
    let reason = match first_answer(&database).await {
        Err(_) => "no answer yet".to_owned(),
        Ok(Some(error)) => reason(error),
        Ok(None) => return,
    };
    let seconds = CONNECT_TIMEOUT.as_secs();
    whisper(&format!(
        "  waiting up to {seconds} s for {database}: {reason}\n"
    ));
}

/// Returns the options of the pool. SeaORM gets only the scheme of the URL, because it panics on the URLs of some
/// SQLite files.
fn options(pool: Pool<'_>, sessions: Sessions) -> ConnectOptions {
    let database = pool.database;
    let mut options = ConnectOptions::new(match database {
        Database::Postgres(_) => "postgres://",
        Database::MySql(_) => "mysql://",
        Database::Sqlite(_) => "sqlite:",
    });
    options
        .connect_timeout(CONNECT_TIMEOUT)
        // Behind a pooler, a ping waits for a server connection as a query does.
        .test_before_acquire(false)
        .max_connections(pool.connections);
    match database.clone() {
        Database::Postgres(named) => {
            let named = match named.get_application_name() {
                Some(_) => named,
                None => named.application_name(APPLICATION),
            };
            // A pooler may hand over a connection with another client's statements under the same names, and refuses
            // parameters that it does not know.
            let named = named.statement_cache_capacity(0).extra_float_digits(None);
            let named = match sessions {
                Sessions::Ours => named.options(OURS_ON_POSTGRES),
                Sessions::OursSince17 => named.options(OURS_ON_POSTGRES).options(OURS_SINCE_17),
                Sessions::AsTheyAre => named,
            };
            options.map_sqlx_postgres_opts(move |_| named.clone())
        }
        Database::MySql(named) => options
            .map_sqlx_mysql_opts(move |_| named.clone())
            .map_sqlx_mysql_pool_opts(|pool| {
                pool.after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(OURS_ON_MYSQL).await.map(|_| ()) })
                })
            }),
        Database::Sqlite(named) => options.map_sqlx_sqlite_opts(move |_| named.options().clone()),
    };
    options
}

/// The name that a search path reads as the name of the user.
const OF_THE_USER: &str = "$user";

/// The schemas that are not PostgreSQL's own, and what else a session is asked at first.
struct Schemas {
    search_path: String,
    seen: Vec<Seen>,
    /// Whether the server ends transactions that take too long, and with them the build of an index.
    limits_transactions: bool,
}

/// A schema that this user can see: whether the user may use it, and whether it is the connection's own.
struct Seen {
    name: String,
    is_usable: bool,
    is_current: bool,
}

fn require_schema(
    schemas: Schemas,
    named: Option<String>,
    database: &Database,
) -> Result<String, CliError> {
    let Schemas {
        search_path, seen, ..
    } = schemas;
    let schema = match named {
        Some(schema) => schema,
        None => own_schema(&search_path, &seen, database)?,
    };
    let database = database.to_string();
    if schema.starts_with("pg_") || schema == "information_schema" {
        return Err(CliError::SchemaOfSystem { database, schema });
    }
    if schema == OF_THE_USER {
        return Err(CliError::SchemaOfUser { database });
    }
    match seen.iter().find(|one| one.name == schema) {
        Some(Seen {
            is_usable: true, ..
        }) => Ok(schema),
        Some(Seen {
            is_usable: false, ..
        }) => Err(CliError::SchemaHidden { database, schema }),
        None => Err(CliError::SchemaMissing {
            database,
            schema,
            found: seen.into_iter().map(|one| one.name).collect(),
        }),
    }
}

/// Returns the connection's current schema, in which the library works as well. If that schema does not exist, returns
/// the first name of the search path for the error message.
fn own_schema(path: &str, seen: &[Seen], database: &Database) -> Result<String, CliError> {
    if let Database::Postgres(options) = database
        && let Some(wanted) = options.get_options().and_then(search_path)
        && schemas(&wanted) != schemas(path)
    {
        return Err(CliError::SearchPathLost {
            database: database.to_string(),
            wanted,
            found: path.to_owned(),
        });
    }
    if let Some(current) = seen.iter().find(|one| one.is_current) {
        return Ok(current.name.clone());
    }
    let mut named = schemas(path).into_iter();
    let first = named.find(|schema| schema != OF_THE_USER);
    first.ok_or_else(|| CliError::NoSchema {
        database: database.to_string(),
        search_path: path.to_owned(),
    })
}

/// Returns the search path, and the schemas that are not PostgreSQL's own.
async fn read_schemas(db: &DatabaseConnection) -> Result<Schemas, CliError> {
    // The outer join returns at least one row, for the search path. Before PostgreSQL 17 there is no limit, and the list
    // of all settings need not be read.
    const SCHEMAS: &str = "
        SELECT current_setting('search_path'), n.nspname::text,
               coalesce(has_schema_privilege(n.oid, 'USAGE'), false), coalesce(n.nspname = current_schema(), false),
               current_setting('transaction_timeout', true) IS NOT NULL
                 AND EXISTS (SELECT FROM pg_catalog.pg_settings
                             WHERE pg_settings.name = 'transaction_timeout' AND reset_val <> '0')
        FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_namespace n
          ON n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY n.nspname";
    let read = |row: &QueryResult| {
        let name: Option<String> = row.try_get_by_index(1)?;
        let (is_usable, is_current) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        let seen = name.map(|name| Seen {
            name,
            is_usable,
            is_current,
        });
        Ok((row.try_get_by_index(0)?, seen, row.try_get_by_index(4)?))
    };
    let inspect = async || {
        let settings = Settings {
            statements: Statements::OfOthers,
            ..Settings::default()
        };
        let session = Session::new(db.into(), &settings);
        let transaction = session.begin_to_read().await?;
        let found: Vec<(String, Option<Seen>, bool)> =
            converge::rows(&transaction.db(), SCHEMAS, [], read).await?;
        transaction.rollback().await?;
        let first = found.first();
        Ok(Schemas {
            search_path: first.map(|(path, ..)| path.clone()).unwrap_or_default(),
            limits_transactions: first.is_some_and(|(_, _, is_limited)| *is_limited),
            seen: found.into_iter().filter_map(|(_, seen, _)| seen).collect(),
        })
    };
    let inspected = inspect().await;
    Ok(inspected
        .map_err(converge::Error::looking_for("the schemas"))
        .map_err(crate::Error::from)?)
}

/// Returns the error of the command line for an error of the pool.
async fn explain(error: DbErr, target: &Database) -> CliError {
    let database = target.to_string();
    let reason = error.to_string();
    // Opening an SQLite file runs its first query.
    let (DbErr::Conn(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return CliError::Connection { database, reason };
    };
    match (&*error, target) {
        (_, Database::Sqlite(_)) => {
            let reason = match &*error {
                sqlx::Error::Database(answer) => answer.message().to_owned(),
                other => other.to_string(),
            };
            CliError::FileUnusable { database, reason }
        }
        (sqlx::Error::PoolTimedOut, _) => match first_answer(target).await {
            Ok(Some(answer)) => sort(&answer, database),
            Ok(None) | Err(_) => CliError::Unreachable {
                database,
                reason: format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
            },
        },
        (error, _) => sort(error, database),
    }
}

/// Connects once more without the pool and returns the error. The pool retries while a server may be starting, and
/// keeps no error of its attempts.
async fn first_answer(target: &Database) -> Result<Option<sqlx::Error>, TimeoutError> {
    let answer = async {
        match target {
            Database::Postgres(options) => options.connect().await.err(),
            Database::MySql(options) => options.connect().await.err(),
            Database::Sqlite(file) => file.options().connect().await.err(),
        }
    };
    timeout(FIRST_ANSWER_TIMEOUT, answer).await
}

/// Returns the error of the command line for a driver's error.
fn sort(error: &sqlx::Error, database: String) -> CliError {
    let answer = match error {
        sqlx::Error::Io(source) => {
            let reason = source.to_string();
            return match source.kind() {
                // rustls reports its errors in this way, although the server was reached.
                ErrorKind::InvalidData => no_tls(database, reason),
                _ => CliError::Unreachable { database, reason },
            };
        }
        sqlx::Error::Database(answer) => answer,
        sqlx::Error::Tls(source) => return no_tls(database, source.to_string()),
        error => {
            let reason = error.to_string();
            return CliError::Connection { database, reason };
        }
    };
    let reason = answer.message().to_owned();
    let number = answer
        .try_downcast_ref::<MySqlDatabaseError>()
        .map(MySqlDatabaseError::number);
    match (number, answer.code().as_deref()) {
        (Some(1049), _) | (None, Some("3D000")) => CliError::DatabaseMissing { database },
        (Some(1044), _) => CliError::DatabaseHidden { database },
        (Some(1045 | 1698), _) | (None, Some("28000" | "28P01")) => {
            CliError::Refused { database, reason }
        }
        (Some(1040 | 1203), _) | (None, Some("53300")) => {
            CliError::NoConnection { database, reason }
        }
        (Some(1226), _) if reason.contains("max_user_connections") => {
            CliError::NoConnection { database, reason }
        }
        _ => CliError::Connection { database, reason },
    }
}

fn no_tls(database: String, reason: String) -> CliError {
    CliError::Tls {
        database,
        problem: Problem::of(&reason),
        reason,
    }
}
