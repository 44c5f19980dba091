//! What has been applied to a database, and what has become of it.

use converge::{Wait, session::Session};

use super::{
    alembic,
    records::{self, MigrationRecord},
    settings::Settings,
    waiting,
};
use crate::{Error, Place, Report};

/// What [`Runner::status`](super::Runner::status) finds.
#[derive(Debug)]
#[non_exhaustive]
pub struct Status {
    /// Where it was looked.
    pub place: Place,
    /// Every migration of this workspace, in order.
    pub migrations: Vec<MigrationRecord>,
    /// How the live shape compares with the declared one, or why that could not be read.
    pub shape: Result<Report, Error>,
    /// Alembic's revisions, where the database (PostgreSQL: the schema) has its table, or why that could not be read. One, unless it
    /// has branches.
    pub alembic: Result<Option<Vec<String>>, Error>,
}

pub(super) async fn read(
    session: &Session<'_>,
    settings: &Settings,
    shape: Result<Report, Error>,
) -> Result<Status, Error> {
    let mut wait = Wait::begin();
    let migrations = loop {
        match records::all(session, settings).await {
            Err(error) => waiting::again(&mut wait, session, settings, error).await?,
            migrations => break migrations?,
        }
    };
    let unit = session.begin_to_read().await?;
    let place = converge::place(&unit.db()).await;
    // An error ends the transaction.
    let alembic = alembic::revisions(&unit.db()).await;
    unit.rollback().await?;
    Ok(Status {
        place: place?,
        migrations,
        shape,
        alembic,
    })
}
