use converge::{Declares, Shape};
use sea_orm_migration::{prelude::*, schema::*};

use crate::declared;

/// The text of each page.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl Declares for Migration {
    fn declare(shape: &mut Shape) {
        shape
            .table(
                Table::create()
                    .table(PageTexts::Table)
                    .col(pk_auto(PageTexts::Id))
                    .col(integer(PageTexts::DocId))
                    .col(integer(PageTexts::Page))
                    .col(text(PageTexts::Body))
                    .col(string_len(PageTexts::Lang, 8))
                    .foreign_key(
                        ForeignKey::create()
                            .name("page_texts_doc_id_fkey")
                            .from(PageTexts::Table, PageTexts::DocId)
                            .to("documents", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    ),
            )
            .index(
                Index::create()
                    .unique()
                    .name("page_texts_doc_id_page_key")
                    .table(PageTexts::Table)
                    .col(PageTexts::DocId)
                    .col(PageTexts::Page),
            );
    }
}

#[derive(DeriveIden)]
enum PageTexts {
    Table,
    Id,
    DocId,
    Page,
    Body,
    Lang,
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
