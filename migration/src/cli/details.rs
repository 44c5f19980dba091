//! The DETAIL that PostgreSQL adds to an error. The library has no driver to read it with.

use std::{error::Error, iter};

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{error::DatabaseError, postgres::PgDatabaseError},
};

/// Returns the server's DETAIL as a sentence, or an empty text if there is none. The server's HINT is left out: it may
/// advise dropping objects of another application.
pub(super) fn of(error: &(dyn Error + 'static)) -> String {
    let mut causes = iter::successors(Some(error), |error| (*error).source());
    let detail = causes.find_map(answer).and_then(PgDatabaseError::detail);
    detail.map_or_else(String::new, |detail| {
        format!(". PostgreSQL adds: {}", detail.trim_end_matches('.'))
    })
}

fn answer<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e PgDatabaseError> {
    let error = match error.downcast_ref()? {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => error,
        _ => return None,
    };
    error
        .as_database_error()
        .and_then(<dyn DatabaseError>::try_downcast_ref)
}
