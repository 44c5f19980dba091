//! Runs a migration of another program, which has no declaration.

use converge::{
    Engine,
    session::{Session, begin_to_write, reborrow},
};
use sea_orm::DbErr;
use sea_orm_migration::{MigrationTrait, SchemaManager, SchemaManagerConnection};

use crate::Error;

#[derive(Clone, Copy)]
pub(super) enum Direction {
    Up,
    Down,
}

/// Runs an external migration, in a transaction if SeaORM runs it in one.
pub(super) async fn run(
    migration: &dyn MigrationTrait,
    direction: Direction,
    work: Session<'_>,
    record: &SchemaManagerConnection<'_>,
) -> Result<(), Error> {
    let outcome = try_run(migration, direction, work, record).await;
    outcome.map_err(|source| Error::ExternalMigration {
        name: migration.name().to_owned(),
        source,
    })
}

async fn try_run(
    migration: &dyn MigrationTrait,
    direction: Direction,
    work: Session<'_>,
    record: &SchemaManagerConnection<'_>,
) -> Result<(), DbErr> {
    let backend = Engine::of(record);
    let in_transaction = migration
        .use_transaction()
        .unwrap_or(backend == Engine::Postgres);
    match (in_transaction, backend) {
        (false, Engine::Postgres) => {
            require_schema(&work).await?;
            step(migration, direction, &SchemaManager::new(work.db)).await
        }
        (false, _) => step(migration, direction, &SchemaManager::new(work.db)).await,
        // The first DDL statement would end the lock's transaction.
        (true, Engine::MySql) => match &work.db {
            SchemaManagerConnection::Connection(pool) => {
                let transaction = begin_to_write(pool).await?;
                step(migration, direction, &SchemaManager::new(&transaction)).await?;
                transaction.commit().await
            }
            callers => step(migration, direction, &SchemaManager::new(reborrow(callers))).await,
        },
        (true, _) => step(migration, direction, &SchemaManager::new(reborrow(record))).await,
    }
}

/// Requires that the pool's connections are in the schema: outside of a transaction, no schema can
/// be set for one migration alone.
async fn require_schema(work: &Session<'_>) -> Result<(), DbErr> {
    let Some(schema) = &work.settings.schema else {
        return Ok(());
    };
    // Reads the connections' own setting, in a transaction as PgBouncer requires.
    let settings = converge::session::Settings {
        schema: None,
        ..work.settings.clone()
    };
    let pool = Session::new(reborrow(&work.db), &settings);
    let transaction = pool.begin_to_read().await?;
    let current = "SELECT coalesce(current_schema(), '')::text";
    let current: Result<Vec<String>, DbErr> = converge::list(&transaction.db(), current, []).await;
    transaction.rollback().await?;
    match current?.first() == Some(schema) {
        true => Ok(()),
        false => Err(DbErr::Migration(format!(
            "it runs outside a transaction, where nothing sets the schema {schema:?}: set it when the pool is opened, \
             with ConnectOptions::set_schema_search_path or ?options=-csearch_path%3D{schema} in the URL"
        ))),
    }
}

async fn step(
    migration: &dyn MigrationTrait,
    direction: Direction,
    manager: &SchemaManager<'_>,
) -> Result<(), DbErr> {
    match direction {
        Direction::Up => migration.up(manager).await,
        Direction::Down => migration.down(manager).await,
    }
}
