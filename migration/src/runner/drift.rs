//! What has become of the tables since every migration was recorded.

use converge::session::Session;

use super::{records, settings::Settings};
use crate::{Error, Report};

/// Returns whether the catalog shows that the tables are not as the whole list declares them. Where this role may not
/// read the catalog there is nothing to tell.
pub(super) async fn is_suspected(session: &Session<'_>, settings: &Settings) -> bool {
    match differs_in_catalog(session, settings).await {
        Ok(differs) => differs,
        Err(error) => {
            tracing::debug!("the tables are not compared: {error}");
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

/// Returns what differs from what the whole list declares; `None` where nothing does.
pub(super) async fn find(
    session: &Session<'_>,
    settings: &Settings,
) -> Result<Option<Box<Report>>, Error> {
    let Some(shape) = records::listed_shape(settings)? else {
        return Ok(None);
    };
    let report = converge::check(session, &shape).await?;
    Ok((!report.as_declared()).then(|| Box::new(report)))
}
