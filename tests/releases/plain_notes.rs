use sea_orm_migration::{prelude::*, schema::*};

/// What `generate` was asked for, with SeaORM's statements filled in.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("plain_notes")
            .if_not_exists()
            .col(pk_auto("id"))
            .col(string("title"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::drop().table("plain_notes").to_owned();
        manager.drop_table(table).await
    }
}
