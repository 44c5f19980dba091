use converge::{Declares, Shape};
use sea_orm_migration::{prelude::*, schema::*};

use crate::declared;

/// The model that made a page's vectors.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl Declares for Migration {
    fn declare(shape: &mut Shape) {
        shape.column("vectors", &text_null("model"));
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
