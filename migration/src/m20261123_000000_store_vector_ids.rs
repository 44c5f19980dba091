use converge::{Declares, Shape};
use sea_orm_migration::prelude::*;

use crate::{declared, m20250524_120000_create_vectors::Vectors};

/// Stores `vector_ids` on PostgreSQL in a way that suits random digits: compressed with lz4, or not
/// compressed.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl Declares for Migration {
    fn declare(shape: &mut Shape) {
        shape.fast_storage(Vectors::Table, Vectors::VectorIds);
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
