//! The applied migrations of a database, and the present state of its tables.

use converge::{Wait, session::Session};

use super::{
    alembic,
    records::{self, MigrationRecord},
    settings::Settings,
    waiting,
};
use crate::{Error, Location, Report};

/// The result of [`Runner::status`](super::Runner::status).
#[derive(Debug)]
#[non_exhaustive]
pub struct Status {
    /// The database, and the schema of PostgreSQL.
    pub location: Location,
    /// Every migration of the list, in order.
    pub migrations: Vec<MigrationRecord>,
    /// The comparison of the current shape with the declared one, or the error if it could not be
    /// read.
    pub shape: Result<Report, Error>,
    /// Alembic's revisions, if the database (PostgreSQL: the schema) has its table, or the error if
    /// they could not be read. There is one, unless Alembic has branches.
    pub alembic: Result<Option<Vec<String>>, Error>,
}

/// Returns every migration of the list.
pub(super) async fn records(
    session: &Session<'_>,
    settings: &Settings,
) -> Result<Vec<MigrationRecord>, Error> {
    let mut wait = Wait::begin();
    loop {
        match records::all(session, settings).await {
            Err(error) => waiting::again(&mut wait, session, settings, error).await?,
            migrations => return migrations,
        }
    }
}

pub(super) async fn read(
    session: &Session<'_>,
    migrations: Vec<MigrationRecord>,
    shape: Result<Report, Error>,
) -> Result<Status, Error> {
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
