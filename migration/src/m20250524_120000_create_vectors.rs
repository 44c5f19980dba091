use converge::{Declares, Shape};
use sea_orm_migration::{prelude::*, schema::*};

use crate::{declared, m20250524_000000_create_documents::Documents};

/// Declares the table of each page's vector ids: the Python application's revision
/// `20250524_vectors`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl Declares for Migration {
    fn declare(shape: &mut Shape) {
        shape
            .table(
                Table::create()
                    .table(Vectors::Table)
                    .col(pk_auto(Vectors::Id))
                    .col(integer(Vectors::DocId))
                    .col(integer(Vectors::Page))
                    .col(text(Vectors::VectorIds))
                    .foreign_key(
                        ForeignKey::create()
                            .name("vectors_doc_id_fkey")
                            .from(Vectors::Table, Vectors::DocId)
                            .to(Documents::Table, Documents::Id)
                            .on_delete(ForeignKeyAction::Cascade),
                    ),
            )
            .index(
                Index::create()
                    .name("ix_vectors_doc_id")
                    .table(Vectors::Table)
                    .col(Vectors::DocId),
            );
    }
}

#[derive(DeriveIden)]
pub(crate) enum Vectors {
    Table,
    Id,
    DocId,
    Page,
    VectorIds,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        declared::up(self.name(), manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        declared::down(self.name(), manager).await
    }

    /// Each step has a transaction of its own, and an index that is built concurrently has none.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
