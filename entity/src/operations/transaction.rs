use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IsolationLevel, QueryFilter,
    QuerySelect, SqliteTransactionMode, Statement, TransactionOptions, TransactionSession,
    TransactionTrait,
    sea_query::{Expr, LockType},
};

use crate::{Error, VectorIds, documents, server_error::is_rolled_back, vectors};

/// Begins a transaction that may write from its first statement on. On SQLite, a transaction that
/// has read before cannot wait for another session's write. In a caller's transaction this is a
/// savepoint.
pub(super) async fn begin<C>(
    db: &C,
    isolation_level: Option<IsolationLevel>,
) -> Result<C::Transaction, Error>
where
    C: ConnectionTrait + TransactionTrait,
{
    let options = TransactionOptions {
        isolation_level,
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(db.begin_with_options(options).await?)
}

/// Returns READ COMMITTED on MariaDB, outside of a transaction. InnoDB's default level locks the
/// gaps between rows, so two sessions that replace pages of neighbouring documents would block each
/// other.
///
/// A caller's transaction keeps its own level, because SeaORM would roll it back if a nested one
/// named another. MySQL, unlike MariaDB, cannot be asked whether a transaction is open, so it keeps
/// its level too.
pub(super) async fn without_gap_locks(db: &impl ConnectionTrait) -> Option<IsolationLevel> {
    if db.get_database_backend() != DbBackend::MySql {
        return None;
    }
    let ask = Statement::from_string(DbBackend::MySql, "SELECT CAST(@@in_transaction AS SIGNED)");
    let answer = db.query_one_raw(ask).await.ok().flatten()?;
    (answer.try_get_by_index(0) == Ok(0_i64)).then_some(IsolationLevel::ReadCommitted)
}

/// Ends a transaction by the outcome of its work.
///
/// `unused` returns the ids that the caller must learn of if the result of the COMMIT is not known.
/// `refused` converts the error of a constraint that is checked only at COMMIT.
pub(super) async fn end<T>(
    transaction: impl TransactionSession,
    outcome: Result<T, Error>,
    unused: impl FnOnce(T) -> VectorIds,
    refused: impl FnOnce(DbErr) -> Error,
) -> Result<T, Error> {
    match outcome {
        Ok(output) => match transaction.commit().await {
            Ok(()) => Ok(output),
            Err(source) if is_rolled_back(&source) => Err(refused(source)),
            Err(source) => Err(Error::CommitUnknown {
                unused: unused(output),
                source,
            }),
        },
        Err(error) => {
            // The operation's own error is more useful than one of the rollback.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// Locks the document's row until the transaction ends. Inserting a page checks its foreign key
/// against that row, so no page can be added between reading the ids and deleting them.
///
/// SQLite locks the whole file, and waits for other sessions only before the transaction has read:
/// so the first statement writes, and changes nothing. Documents are locked one at a time, because
/// Citus locks no rows of several shards in one statement.
pub(super) async fn lock_document(db: &impl ConnectionTrait, doc_id: i32) -> Result<(), Error> {
    if db.get_database_backend() == DbBackend::Sqlite {
        vectors::Entity::delete_many()
            .filter(Expr::value(false))
            .exec(db)
            .await?;
    }
    documents::Entity::find()
        .filter(documents::Column::Id.eq(doc_id))
        .lock(LockType::Update)
        .one(db)
        .await?
        .map(|_| ())
        .ok_or(Error::UnknownDocument { doc_id })
}
