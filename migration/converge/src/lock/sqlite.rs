//! The file's own write lock, which a transaction has from its beginning.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};

use super::{Blocker, Kind};
use crate::{patience::Patience, session::Settings};

/// SQLite does not report which connection it is.
pub const WRITER: &str = "another connection that reads or writes the file";

/// Begins a transaction that waits no longer than one attempt, whatever its pool's settings are.
/// The driver's own transaction begins without a lock.
pub(super) async fn begin(
    db: &DatabaseConnection,
    settings: &Settings,
) -> Result<(DatabaseTransaction, Patience), DbErr> {
    let transaction = db.begin().await?;
    let patience = Patience::of_our_own(&transaction, settings.lock_wait).await?;
    transaction.execute_unprepared("COMMIT").await?;
    match transaction.execute_unprepared("BEGIN IMMEDIATE").await {
        Ok(_) => Ok((transaction, patience)),
        Err(error) => {
            patience.give_back(&transaction).await?;
            // The driver ends what it has begun.
            transaction.execute_unprepared("BEGIN").await?;
            transaction.rollback().await?;
            Err(error)
        }
    }
}

/// A transaction that has begun has the lock. A caller's transaction gets it with its first write.
pub(super) async fn try_acquire(_: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(true)
}

pub(super) fn blocker() -> Blocker {
    Blocker {
        sentence: WRITER.to_owned(),
        kind: Kind::Client,
    }
}

/// Only a caller's transaction asks this, and it has the lock.
pub(super) async fn holder(_: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    Ok(None)
}
