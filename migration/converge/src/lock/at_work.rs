//! Whether a migrator is at work, found without waiting for it.

use sea_orm::{ConnectionTrait, DbErr};

use super::{mysql, postgres};
use crate::{engine::Engine, report::AtWork, session::Session};

/// Returns who holds the migration lock: not this session itself. Where that cannot be asked it is unknown, and nothing
/// else fails for it.
pub async fn at_work(session: &Session<'_>) -> AtWork {
    match found(session).await {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!("who is at work is not known: {error}");
            AtWork::Unknown
        }
    }
}

async fn found(session: &Session<'_>) -> Result<AtWork, DbErr> {
    let transaction = session.begin_to_read().await?;
    let found = find(&transaction.db()).await;
    transaction.rollback().await?;
    found
}

async fn find(db: &impl ConnectionTrait) -> Result<AtWork, DbErr> {
    let holder = match Engine::of(db) {
        // It has the primary's rows, and none of its locks.
        Engine::Postgres if postgres::is_standby(db).await? => return Ok(AtWork::Unknown),
        Engine::Postgres => postgres::at_work(db).await?,
        Engine::MySql => mysql::at_work(db).await?,
        // Whoever writes the file is shown to nobody.
        Engine::Sqlite => return Ok(AtWork::Unknown),
    };
    Ok(holder.map_or(AtWork::No, AtWork::Yes))
}
