use sea_orm_migration::prelude::*;

use crate::{Runner, schema::difference::Scope};

/// The Python application's revision `20250524_vectors`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        Ok(Runner::new().converge(db, Scope::Vectors).await?)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        Ok(Runner::new().roll_back_one(db, Scope::Vectors).await?)
    }

    /// Each step has its own transaction, and an index beside its writers none.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
