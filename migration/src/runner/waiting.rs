//! What follows an attempt that another session has stopped.

use futures_timer::Delay;
use sea_orm_migration::SchemaManagerConnection;

use converge::{BETWEEN_TRIES, Next, Wait, Work, is_recorded_already, session::Session};

use super::{records, settings::Settings};
use crate::Error;

/// Pauses before another attempt, if that can succeed.
///
/// # Errors
///
/// The error itself if another attempt would not succeed, or one that names the session that was
/// waited for until the time was over.
pub(super) async fn again(
    wait: &mut Wait,
    session: &Session<'_>,
    settings: &Settings,
    error: Error,
) -> Result<(), Error> {
    let Some((work, source)) = error.waited(settings.records.name()) else {
        return Err(error);
    };
    let is_callers = !matches!(session.db, SchemaManagerConnection::Connection(_));
    let may_try = !is_callers && !wait.is_over(session.settings);
    // Another node of Galera has recorded the same migration.
    if may_try && matches!(work, Work::Records { .. }) && is_recorded_already(source) {
        Delay::new(BETWEEN_TRIES).await;
        return Ok(());
    }
    let tables = records::tables(settings)?;
    match wait.next(session, &tables, work, source).await {
        Next::TryAgain => {
            tracing::debug!("inspecting again: {error}");
            Ok(())
        }
        Next::TimedOut(error) => Err(error.into()),
        Next::Failed => Err(error),
    }
}
