//! Tells whether a migrator is running, without waiting for it.

use sea_orm::{ConnectionTrait, DbErr};

use super::{mysql, postgres};
use crate::{engine::Engine, report::AtWork, session::Session};

/// Returns which other session holds the migration lock. If that cannot be asked it is unknown, and
/// nothing else fails because of that.
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
        // A standby has the primary's rows, and none of its locks.
        Engine::Postgres if postgres::is_standby(db).await? => return Ok(AtWork::Unknown),
        Engine::Postgres => postgres::at_work(db).await?,
        Engine::MySql => mysql::at_work(db).await?,
        // SQLite does not show which connection writes.
        Engine::Sqlite => return Ok(AtWork::Unknown),
    };
    Ok(holder.map_or(AtWork::No, AtWork::Yes))
}
