//! `up` and `down` of a migration that declares a part of the shape.

use sea_orm::DbErr;
use sea_orm_migration::SchemaManager;

use crate::runner::Runner;

/// Converges on the shape at this migration.
pub(crate) async fn up(migration: &str, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    Ok(Runner::new().converge(db, migration).await?)
}

/// Undoes what this migration declares.
pub(crate) async fn down(migration: &str, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    Ok(Runner::new().roll_back_one(db, migration).await?)
}
