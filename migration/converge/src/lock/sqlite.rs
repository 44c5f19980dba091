//! The file's own write lock, which a transaction has from its beginning.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

pub(super) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}

/// To have begun is to have it; a caller's transaction gets it with its first write.
pub(super) async fn try_take(_: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(true)
}

/// SQLite tells nobody who writes.
pub(super) async fn holder(_: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    Ok(None)
}
