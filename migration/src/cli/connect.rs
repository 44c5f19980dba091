//! From a URL to a connection, or to a sentence that says why there is none.

use std::{net::TcpStream, time::Duration};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr, Statement, sqlx,
};
use sqlx::mysql::MySqlDatabaseError;

use super::{database::Database, error::CliError};
use crate::schema::live;

/// A server that is just starting gets this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn connect(url: &str, schema: &str) -> Result<DatabaseConnection, CliError> {
    let database = Database::parse(url)?;
    let mut options = ConnectOptions::new(url);
    options
        .connect_timeout(CONNECT_TIMEOUT)
        .set_schema_search_path(quoted(schema));
    let db = match sea_orm::Database::connect(options).await {
        Ok(db) => db,
        Err(error) => return Err(explain(error, &database)),
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

fn quoted(schema: &str) -> String {
    format!("\"{}\"", schema.replace('"', "\"\""))
}

async fn require_schema(
    db: &DatabaseConnection,
    schema: &str,
    database: &Database,
) -> Result<(), CliError> {
    let place = live::place(db).await.map_err(DbErr::from)?;
    if place.schema.is_some() {
        return Ok(());
    }
    let list = "SELECT nspname::text FROM pg_catalog.pg_namespace
                WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' ORDER BY nspname";
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), list))
        .await?;
    let found = rows
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?;
    Err(CliError::SchemaMissing {
        database: database.to_string(),
        schema: schema.to_owned(),
        found,
    })
}

fn explain(error: DbErr, target: &Database) -> CliError {
    let database = target.to_string();
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else {
        let reason = error.to_string();
        return CliError::Connection { database, reason };
    };
    let reason = error.to_string();
    match (&*error, target) {
        (_, Database::Sqlite(_)) => CliError::FileUnusable { database, reason },
        (sqlx::Error::Io(_), _) => CliError::Unreachable { database, reason },
        (sqlx::Error::PoolTimedOut, _) => CliError::Unreachable {
            database,
            reason: why_unreachable(target),
        },
        (sqlx::Error::Database(answer), _) => {
            let reason = answer.message().to_owned();
            match Answer::of(answer.as_ref()) {
                Answer::DatabaseMissing => CliError::DatabaseMissing { database },
                Answer::Refused => CliError::Refused { database, reason },
                Answer::Other => CliError::Connection { database, reason },
            }
        }
        _ => CliError::Connection { database, reason },
    }
}

enum Answer {
    DatabaseMissing,
    Refused,
    Other,
}

impl Answer {
    fn of(answer: &dyn sqlx::error::DatabaseError) -> Self {
        if let Some(mysql) = answer.try_downcast_ref::<MySqlDatabaseError>() {
            return match mysql.number() {
                1049 => Self::DatabaseMissing,
                1044 | 1045 | 1698 => Self::Refused,
                _ => Self::Other,
            };
        }
        match answer.code().as_deref() {
            Some("3D000") => Self::DatabaseMissing,
            Some("28000" | "28P01") => Self::Refused,
            _ => Self::Other,
        }
    }
}

/// The pool retries what may be a server that is starting, and forgets why each try failed.
fn why_unreachable(database: &Database) -> String {
    match database.address().map(TcpStream::connect) {
        Some(Err(error)) => error.to_string(),
        _ => format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
    }
}
