use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, SqliteTransactionMode,
    TransactionOptions, TransactionSession, TransactionTrait, sea_query::LockType,
};

use crate::{Error, documents};

/// One that may write from its first statement on: SQLite lets none that has read before wait for
/// another's write. In a caller's transaction it is a savepoint.
pub(super) async fn begin<C: TransactionTrait>(db: &C) -> Result<C::Transaction, Error> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(db.begin_with_options(options).await?)
}

pub(super) async fn end<T>(
    transaction: impl TransactionSession,
    outcome: Result<T, Error>,
) -> Result<T, Error> {
    match outcome {
        Ok(output) => {
            transaction.commit().await?;
            Ok(output)
        }
        Err(error) => {
            // The operation's own error says more than one about its transaction.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// Until the transaction ends nobody records a page of this document, so that none comes unseen between
/// a look and what is done about it: the foreign key's check waits for this lock. SQLite has locked all.
///
/// One document at a time: Citus locks no rows of several shards in one statement.
pub(super) async fn hold(db: &impl ConnectionTrait, doc_id: i32) -> Result<(), Error> {
    documents::Entity::find()
        .filter(documents::Column::Id.eq(doc_id))
        .lock(LockType::Update)
        .one(db)
        .await?
        .map(|_| ())
        .ok_or(Error::UnknownDocument { doc_id })
}
