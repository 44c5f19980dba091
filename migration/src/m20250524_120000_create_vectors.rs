use sea_orm_migration::prelude::*;

use crate::schema::{
    converge::{Refusal, converge},
    declared,
    difference::Scope,
};

/// The Python application's revision `20250524_vectors`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        converge(
            manager.get_connection(),
            Scope::Everything,
            Refusal::OfEverything,
        )
        .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(declared::drop_vectors()).await
    }

    /// Each step has its own transaction, and an index beside its writers none.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
