use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IsolationLevel, QueryFilter,
    QuerySelect, SqliteTransactionMode, Statement, TransactionOptions, TransactionSession,
    TransactionTrait,
    sea_query::{Expr, LockType},
};

use crate::{Error, VectorIds, documents, server_error::is_rolled_back, vectors};

/// One that may write from its first statement on: SQLite lets none that has read before wait for
/// another's write. In a caller's transaction it is a savepoint.
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

/// MySQL's own isolation locks the gaps between rows: two who replace pages of neighbouring documents
/// would wait for each other.
///
/// In a caller's transaction it is the caller's: SeaORM rolls that back if it is told another. MySQL cannot
/// be asked whether it is in one, unlike MariaDB, and keeps its own.
pub(super) async fn without_gap_locks(db: &impl ConnectionTrait) -> Option<IsolationLevel> {
    if db.get_database_backend() != DbBackend::MySql {
        return None;
    }
    let ask = Statement::from_string(DbBackend::MySql, "SELECT CAST(@@in_transaction AS SIGNED)");
    let answer = db.query_one_raw(ask).await.ok().flatten()?;
    (answer.try_get_by_index(0) == Ok(0_i64)).then_some(IsolationLevel::ReadCommitted)
}

/// `unused` are the ids that the caller has to hear of, also where the end of the transaction is not known;
/// `refused` says what it means where a constraint is only looked at by the COMMIT.
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
            // The operation's own error says more than one about its transaction.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// Until the transaction ends nobody records a page of this document, so that none comes unseen between
/// a look and what is done about it: the foreign key's check waits for this lock. SQLite locks all, and waits
/// for others only before it has read.
///
/// One document at a time: Citus locks no rows of several shards in one statement.
pub(super) async fn hold(db: &impl ConnectionTrait, doc_id: i32) -> Result<(), Error> {
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
