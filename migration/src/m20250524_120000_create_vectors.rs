use sea_orm_migration::prelude::*;

use crate::schema::{declared, vectors};

/// The Python application's revision `20250524_vectors`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        vectors::ensure(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(declared::drop_vectors()).await
    }
}
