use sea_orm_migration::{MigratorTrait, prelude::*};

use crate::{Migrator, schema::documents};

/// Makes sure that there is a `documents` to refer to.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        documents::ensure(manager, &Migrator::migration_table_name().to_string()).await
    }

    /// `documents` belongs to the application and stays.
    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
