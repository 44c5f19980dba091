use migration::sea_orm_migration::{self, prelude::*, schema::*, sea_orm::DbBackend};

/// Creates the table `outbox` for the points that are to be deleted from the vector store.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum Outbox {
    Table,
    Id,
    Points,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        // MySQL commits the table before its record. If a migrator is killed in between, this migration runs again.
        table.table(Outbox::Table).if_not_exists();
        table.col(pk_auto(Outbox::Id));
        match manager.get_database_backend() {
            // InnoDB has transactions, utf8mb4 holds every character and longtext more than 65,535 bytes, whatever the
            // defaults of the server are.
            DbBackend::MySql => table
                .engine("InnoDB")
                .character_set("utf8mb4")
                .col(custom(Outbox::Points, "longtext")),
            _ => table.col(text(Outbox::Points)),
        };
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::drop();
        table.table(Outbox::Table).if_exists();
        manager.drop_table(table).await
    }
}
