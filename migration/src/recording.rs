use converge::session::Session;
use sea_orm_migration::IntoSchemaManagerConnection;

use crate::{error::Error, runner::Settings, versions};

/// Returns the inspection of a database as JSON, for tests that need no server afterwards.
///
/// # Errors
///
/// [`Error::Converge`] if the catalog or the rows cannot be read.
pub async fn recorded<'c, C>(db: C) -> Result<String, Error>
where
    C: IntoSchemaManagerConnection<'c>,
{
    let settings = Settings::default();
    let session = Session::new(db.into_database_executor(), &settings.engine);
    Ok(converge::recording::record(&session, &versions::newest()?).await?)
}
