use sea_orm_migration::prelude::*;

use crate::schema::{
    converge::{Refusal, converge},
    difference::Scope,
};

/// Makes sure that there is a `documents` to refer to.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        converge(
            manager.get_connection(),
            Scope::Documents,
            Refusal::OfEverything,
        )
        .await?;
        Ok(())
    }

    /// `documents` belongs to the application and stays.
    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    /// Each step has its own transaction.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
