use sea_orm_migration::prelude::*;

use crate::{Runner, schema::difference::Scope};

/// Makes sure that there is a `documents` to refer to.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        Ok(Runner::new().converge(db, Scope::Documents).await?)
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
