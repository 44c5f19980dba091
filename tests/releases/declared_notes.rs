use converge::{Declares, Shape};
use sea_orm_migration::{prelude::*, schema::*};

use crate::declared;

/// What `generate` was asked for, with its declaration filled in.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl Declares for Migration {
    fn declare(shape: &mut Shape) {
        shape.table(
            Table::create()
                .table("declared_notes")
                .col(pk_auto("id"))
                .col(text("body")),
        );
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        declared::up(self.name(), manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        declared::down(self.name(), manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
