//! Whether a migrator is at work, found without waiting for it.

use sea_orm::DbErr;

use super::{mysql, postgres};
use crate::{
    engine::Engine,
    report::{AtWork, Migrator},
    session::Session,
};

/// Returns who holds the migration lock: not this session itself. Where that cannot be asked it is unknown, and nothing
/// else fails for it.
pub async fn at_work(session: &Session<'_>) -> AtWork {
    if session.backend() == Engine::Sqlite {
        return AtWork::Unknown;
    }
    match holder(session).await {
        Ok(Some(migrator)) => AtWork::Yes(migrator),
        Ok(None) => AtWork::No,
        Err(error) => {
            tracing::debug!("who is at work is not known: {error}");
            AtWork::Unknown
        }
    }
}

async fn holder(session: &Session<'_>) -> Result<Option<Migrator>, DbErr> {
    let unit = session.begin_to_read().await?;
    let found = match session.backend() {
        Engine::Postgres => postgres::at_work(&unit.db()).await,
        Engine::MySql => mysql::at_work(&unit.db()).await,
        // Whoever writes the file is shown to nobody.
        Engine::Sqlite => Ok(None),
    };
    unit.rollback().await?;
    found
}
