//! Changes of the tables since every migration was recorded.

use std::time::Duration;

use futures_timer::Delay;
use sea_orm_migration::SchemaManagerConnection;

use converge::{Engine, session::Session};

use super::{records, settings::Settings};
use crate::{Error, Report};

/// How often MySQL and MariaDB are inspected before a difference is believed. No lock stops another
/// node of a Galera cluster, which may have dropped a table and not yet deleted its record.
const LOOKS: u32 = 5;

const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Returns whether the catalog shows that the tables are not as the whole list declares them.
/// Returns false if this role may not read the catalog.
pub(super) async fn is_suspected(session: &Session<'_>, settings: &Settings) -> bool {
    match differs_in_catalog(session, settings).await {
        Ok(differs) => differs,
        Err(error) => {
            match &error {
                Error::Converge(converge::Error::InUse { .. }) => {
                    tracing::warn!("the tables are not compared: {error}");
                }
                error => tracing::debug!("the tables are not compared: {error}"),
            }
            false
        }
    }
}

async fn differs_in_catalog(session: &Session<'_>, settings: &Settings) -> Result<bool, Error> {
    match records::listed_shape(settings)? {
        Some(shape) => Ok(converge::differs_in_catalog(session, &shape).await?),
        None => Ok(false),
    }
}

/// Returns the differences from what the whole list declares. Returns `None` if there are none, or
/// if another runner has deleted a record in the meantime.
pub(super) async fn find(
    session: &Session<'_>,
    settings: &Settings,
) -> Result<Option<Box<Report>>, Error> {
    let Some(shape) = records::listed_shape(settings)? else {
        return Ok(None);
    };
    let mut left = match session.backend() {
        Engine::MySql => LOOKS,
        Engine::Postgres | Engine::Sqlite => 1,
    };
    loop {
        let report = converge::check(session, &shape).await?;
        left -= 1;
        // No other session can delete a record that a caller's transaction has read.
        let is_callers = !matches!(session.db, SchemaManagerConnection::Connection(_));
        let is_complete = is_callers || records::are_complete(session, settings).await;
        if report.differences.is_empty() || !is_complete {
            return Ok(None);
        }
        if left == 0 {
            return Ok(Some(Box::new(report)));
        }
        Delay::new(BETWEEN_LOOKS).await;
    }
}
