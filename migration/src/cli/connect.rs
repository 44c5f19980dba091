//! From a URL to a connection, or to a sentence that says why there is none.

use std::{io::ErrorKind, time::Duration};

use sea_orm::{
    ConnectOptions, DatabaseConnection, DbErr, QueryResult, RuntimeErr,
    sqlx::{self, ConnectOptions as _, mysql::MySqlDatabaseError},
};

use converge::{
    Engine,
    session::{Session, Settings, Statements},
    sql,
};

use super::{database::Database, environment::Url, error::CliError};

/// A server that is just starting gets this long, and a pooler whose connections many want at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// One holds the turn, one works.
const CONNECTIONS: u32 = 2;

/// What PostgreSQL shows others of our sessions, where the URL says nothing else.
const APPLICATION: &str = "migration";

pub(super) async fn connect(
    url: &Url,
    schema: &str,
    lock_wait: Duration,
) -> Result<DatabaseConnection, CliError> {
    let database = Database::parse(url)?.waiting(lock_wait);
    let db = match open(url, &database).await {
        Err(error @ CliError::CertificateUnusable { .. }) => match database.without_tls() {
            Some(plain) => go_without_tls(url, &plain, error).await?,
            None => return Err(error),
        },
        db => db?,
    };
    match &database {
        Database::Postgres(_) => {
            require_schema(&db, schema, &database).await?;
            tracing::info!("{database}, schema {schema:?}");
        }
        _ => tracing::info!("{database}"),
    }
    Ok(db)
}

/// To prefer TLS is to go without where it cannot be had, as libpq does.
async fn go_without_tls(
    url: &Url,
    plain: &Database,
    error: CliError,
) -> Result<DatabaseConnection, CliError> {
    match open(url, plain).await {
        Ok(db) => {
            tracing::info!("without TLS: {error}");
            Ok(db)
        }
        Err(_) => Err(error),
    }
}

async fn open(url: &Url, database: &Database) -> Result<DatabaseConnection, CliError> {
    let mut options = ConnectOptions::new(&url.text);
    options
        .connect_timeout(CONNECT_TIMEOUT)
        // Behind a pooler a ping waits like a query.
        .test_before_acquire(false)
        .max_connections(CONNECTIONS);
    match database.clone() {
        Database::Postgres(named) => {
            let named = match named.get_application_name() {
                Some(_) => named,
                None => named.application_name(APPLICATION),
            };
            // A pooler may keep those of others under the same names, and refuses what it does not know.
            let named = named.statement_cache_capacity(0).extra_float_digits(None);
            options.map_sqlx_postgres_opts(move |_| named.clone())
        }
        Database::MySql(named) => options.map_sqlx_mysql_opts(move |_| named.clone()),
        Database::Sqlite(named) => options.map_sqlx_sqlite_opts(move |_| named.clone()),
    };
    match sea_orm::Database::connect(options).await {
        Ok(db) => Ok(db),
        Err(error) => Err(explain(error, database).await),
    }
}

async fn require_schema(
    db: &DatabaseConnection,
    schema: &str,
    database: &Database,
) -> Result<(), CliError> {
    let (database, schema) = (database.to_string(), schema.to_owned());
    if schema.starts_with("pg_") || schema == "information_schema" {
        return Err(CliError::SchemaOfSystem { database, schema });
    }
    if may_use(db, &schema).await? {
        return Ok(());
    }
    let list =
        "SELECT nspname::text, has_schema_privilege(oid, 'USAGE') FROM pg_catalog.pg_namespace
                WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname";
    let read = |row: &QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    let look = async || {
        let settings = Settings {
            statements: Statements::OfOthers,
            ..Settings::default()
        };
        let session = Session::new(db.into(), &settings);
        let unit = session.begin_to_read().await?;
        let found = converge::rows(&unit.db(), list, [], read).await?;
        unit.rollback().await?;
        Ok(found)
    };
    let found: Vec<(String, bool)> = look().await.map_err(in_schemas)?;
    match found.iter().find(|(name, _)| *name == schema) {
        Some((_, true)) => Ok(()),
        Some((_, false)) => Err(CliError::SchemaHidden { database, schema }),
        None => Err(CliError::SchemaMissing {
            database,
            schema,
            found: found.into_iter().map(|(name, _)| name).collect(),
        }),
    }
}

/// Returns whether there is the schema, for this user.
async fn may_use(db: &DatabaseConnection, schema: &str) -> Result<bool, CliError> {
    let usable = format!(
        "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = {} AND has_schema_privilege(oid, 'USAGE')",
        sql::literal(Engine::Postgres, schema)
    );
    Ok(converge::has_rows(db, &usable).await.map_err(in_schemas)?)
}

fn in_schemas(error: DbErr) -> crate::Error {
    converge::Error::looking_for("the schemas")(error).into()
}

async fn explain(error: DbErr, target: &Database) -> CliError {
    let database = target.to_string();
    let reason = error.to_string();
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else {
        return CliError::Connection { database, reason };
    };
    match (&*error, target) {
        (_, Database::Sqlite(_)) => {
            let reason = error.to_string();
            CliError::FileUnusable { database, reason }
        }
        (sqlx::Error::PoolTimedOut, _) => match first_answer(target).await {
            Some(answer) => sort(&answer, database),
            None => CliError::Unreachable {
                database,
                reason: format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
            },
        },
        (error, _) => sort(error, database),
    }
}

/// The pool retries what may be a server that is starting, and forgets why each try failed.
async fn first_answer(target: &Database) -> Option<sqlx::Error> {
    let answer = async {
        match target {
            Database::Postgres(options) => options.connect().await.err(),
            Database::MySql(options) => options.connect().await.err(),
            Database::Sqlite(options) => options.connect().await.err(),
        }
    };
    async_std::future::timeout(CONNECT_TIMEOUT, answer)
        .await
        .ok()
        .flatten()
}

fn sort(error: &sqlx::Error, database: String) -> CliError {
    let answer = match error {
        sqlx::Error::Io(source) => {
            let reason = source.to_string();
            return match source.kind() {
                // rustls's own error: what came over the wire was well received.
                ErrorKind::InvalidData => CliError::CertificateUnusable { database, reason },
                _ => CliError::Unreachable { database, reason },
            };
        }
        sqlx::Error::Database(answer) => answer,
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
        _ => CliError::Connection { database, reason },
    }
}
