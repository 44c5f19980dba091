//! The table `outbox`: ids that were deleted from `vectors`, whose points are still to be deleted from the vector store.
//!
//! A request that deletes ids from `vectors` adds them to the outbox in the same transaction, so that both happen or
//! neither. A worker deletes the points from the store, and then their row in the outbox. If the worker is killed in
//! between, the next worker deletes the same points again: each point is deleted at least once.

use std::{convert::Infallible, time::Duration};

use entity::VectorIds;
use sea_orm::{
    ActiveValue::NotSet,
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
    entity::prelude::*,
    entity::*,
    sea_query::{LockBehavior, LockType},
};
use tokio::time::sleep;

use crate::store::Store;

/// The points of one call to the store.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    #[sea_orm(column_type = "Text")]
    pub points: VectorIds,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The most points in one row: about 36 KB of UUIDs. The limit keeps statements and calls to the store small for a
/// document of any size.
const POINTS_IN_A_ROW: usize = 1_000;

const BETWEEN_ROUNDS: Duration = Duration::from_secs(2);

/// Adds points to the outbox. They are deleted after the caller has committed.
pub async fn note(transaction: &DatabaseTransaction, points: &VectorIds) -> Result<(), DbErr> {
    for points in points.chunks(POINTS_IN_A_ROW) {
        let row = ActiveModel {
            id: NotSet,
            points: Set(points.iter().collect()),
        };
        row.insert(transaction).await?;
    }
    Ok(())
}

/// Deletes the points of the outbox from the store, forever. Several instances of the service may do so at the same
/// time. A row that the store refuses is tried again in each round.
pub async fn purge_forever(db: DatabaseConnection, store: Store) -> Infallible {
    loop {
        if let Err(error) = purge_all(&db, &store).await {
            tracing::error!("the outbox cannot be read or written: {error}");
        }
        sleep(BETWEEN_ROUNDS).await;
    }
}

async fn purge_all(db: &DatabaseConnection, store: &Store) -> Result<(), DbErr> {
    let mut last = 0;
    while let Some(id) = purge_row_after(last, db, store).await? {
        last = id;
    }
    Ok(())
}

/// Deletes the points of the next row. Returns the row's id, even if the row stays, or `None` if there is no further
/// row.
async fn purge_row_after(
    last: i32,
    db: &DatabaseConnection,
    store: &Store,
) -> Result<Option<i32>, DbErr> {
    // SQLite locks no rows: a transaction would block every writer during the call to the store. Without one, two
    // workers may delete the same points, which does no harm.
    if db.get_database_backend() == DbBackend::Sqlite {
        return purge_next_row(last, db, store).await;
    }
    // MySQL's default isolation level would lock the end of the table, where other sessions insert their points.
    let level = Some(IsolationLevel::ReadCommitted);
    let transaction = db.begin_with_config(level, None).await?;
    let id = purge_next_row(last, &transaction, store).await?;
    transaction.commit().await?;
    Ok(id)
}

async fn purge_next_row(
    last: i32,
    db: &impl ConnectionTrait,
    store: &Store,
) -> Result<Option<i32>, DbErr> {
    let next = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.gt(last))
        .order_by_asc(Column::Id)
        // A row that another worker has locked is deleted by that worker.
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let Some(id) = next.into_tuple::<i32>().one(db).await? else {
        return Ok(None);
    };
    // The points are read by a query of their own, so that the id of a row is known even if its points cannot be read.
    let points = match Entity::find_by_id(id).one(db).await {
        Ok(row) => row.map(|row| row.points).unwrap_or_default(),
        // The worker goes on with the next row.
        Err(error) => {
            tracing::error!("outbox row {id} stays, and cannot be read: {error}");
            return Ok(Some(id));
        }
    };
    let count = points.len();
    match store.delete(&points).await {
        Ok(()) => {
            Entity::delete_by_id(id).exec(db).await?;
            tracing::info!("outbox row {id} is done: {count} ids");
        }
        // The row stays for the next round, and the worker goes on with the next row.
        Err(error) => tracing::warn!("{count} points stay in outbox row {id}: {store}: {error}"),
    }
    Ok(Some(id))
}
