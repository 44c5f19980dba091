//! Queries, and the values of their rows.

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, TryGetable, Value};

use crate::engine::Engine;

/// Runs a query and reads its rows.
///
/// # Errors
///
/// The error of the database or of `read`.
pub async fn rows<T>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
    read: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<Vec<T>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    rows.iter().map(read).collect()
}

/// Returns whether a query has a row.
///
/// PostgreSQL counts the rows of a statement that is not prepared, which takes one request instead
/// of two.
///
/// # Errors
///
/// The database's error.
pub async fn has_rows(db: &impl ConnectionTrait, sql: &str) -> Result<bool, DbErr> {
    match Engine::of(db) {
        Engine::Postgres => Ok(db.execute_unprepared(sql).await?.rows_affected() > 0),
        Engine::MySql | Engine::Sqlite => Ok(!rows(db, sql, [], |_| Ok(())).await?.is_empty()),
    }
}

/// Runs a query and returns the first column of each row.
///
/// # Errors
///
/// The database's error, or one for a column of another type.
pub async fn list<T: TryGetable>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<T>, DbErr> {
    rows(db, sql, values, |row| row.try_get_by_index(0)).await
}
