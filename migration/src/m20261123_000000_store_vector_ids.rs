use sea_orm_migration::prelude::*;

use crate::{Runner, schema::difference::Scope};

/// PostgreSQL: how `vector_ids` is stored. Other engines have nothing of the kind.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        Ok(Runner::new().converge(db, Scope::Everything).await?)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        Ok(Runner::new().roll_back_one(db, Scope::Everything).await?)
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
