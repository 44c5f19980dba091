//! What has been applied to a database, and what has become of it.

use converge::{Wait, session::Session};

use super::{
    alembic,
    records::{self, MigrationRecord},
    settings::Settings,
    waiting,
};
use crate::{Error, Location, Report};

/// What [`Runner::status`](super::Runner::status) finds.
#[derive(Debug)]
#[non_exhaustive]
pub struct Status {
    /// Where it was looked.
    pub location: Location,
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
    let transaction = session.begin_to_read().await?;
    let location = converge::location(&transaction.db()).await;
    // An error ends the transaction.
    let alembic = alembic::revisions(&transaction.db()).await;
    transaction.rollback().await?;
    Ok(Status {
        location: location?,
        migrations,
        shape,
        alembic,
    })
}
