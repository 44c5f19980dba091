use converge::{Declares, Shape};
use sea_orm_migration::{prelude::*, schema::*};

use crate::declared;

/// Requires the application's `documents`, which `vectors` refers to.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl Declares for Migration {
    fn declare(shape: &mut Shape) {
        shape.require(
            Table::create()
                .table(Documents::Table)
                .col(pk_auto(Documents::Id)),
        );
    }
}

#[derive(DeriveIden)]
pub(crate) enum Documents {
    Table,
    Id,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        declared::up(self.name(), manager).await
    }

    /// Keeps `documents`: this runs in a migrator of the application, which owns the table.
    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }

    /// Each step has a transaction of its own.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
