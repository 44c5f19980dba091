//! What has been applied to a database, and what has become of it.

use super::records::{self, MigrationRecord};
use crate::{
    Error, Place, Report,
    schema::live::{self, list},
    session::Session,
};

/// The table in which Alembic keeps its revision.
const ALEMBIC: &str = "alembic_version";

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
    /// Alembic's revisions, where the database has its table; one, unless it has branches.
    pub alembic: Option<Vec<String>>,
}

pub(super) async fn read(
    session: &Session<'_>,
    shape: Result<Report, Error>,
) -> Result<Status, Error> {
    let migrations = records::all(session).await?;
    let unit = session.begin_to_read().await?;
    let place = live::place(&unit.db()).await?;
    let alembic = match live::tables(&unit.db()).await? {
        tables if tables.iter().any(|name| name == ALEMBIC) => {
            let sql = format!("SELECT version_num FROM {ALEMBIC} ORDER BY version_num");
            let revisions = list(&unit.db(), &sql, []).await;
            Some(revisions.map_err(Error::looking_for("Alembic's revision"))?)
        }
        _ => None,
    };
    unit.rollback().await?;
    Ok(Status {
        place,
        migrations,
        shape,
        alembic,
    })
}
