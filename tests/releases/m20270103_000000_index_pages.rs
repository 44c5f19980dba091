use converge::{Declares, Shape};
use sea_orm_migration::prelude::*;

use crate::declared;

/// Finds the rows of one page.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl Declares for Migration {
    fn declare(shape: &mut Shape) {
        shape.index(
            Index::create()
                .name("ix_vectors_doc_id_page")
                .table("vectors")
                .col("doc_id")
                .col("page"),
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
