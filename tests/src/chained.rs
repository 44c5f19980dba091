//! Migrators of an application that have these migrations in their lists.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, DynIden};
use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTrait, SchemaManager, async_trait, sea_query::IntoIden,
};

/// The migration table of [`OwnTable`].
pub const OWN_TABLE: &str = "app migrations";

/// A migrator as SeaORM documents it. Only its list names these migrations.
pub struct AppMigrator;

/// The same migrator with another migration table.
pub struct OwnTable;

/// A migrator of the same application without these migrations.
pub struct WithoutOurs;

#[async_trait::async_trait]
impl MigratorTrait for AppMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all: Vec<Box<dyn MigrationTrait>> = vec![Box::new(CreateDocuments)];
        all.extend(migration::Migrator::migrations());
        all.push(Box::new(CreateNotes));
        all
    }
}

#[async_trait::async_trait]
impl MigratorTrait for OwnTable {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        AppMigrator::migrations()
    }

    fn migration_table_name() -> DynIden {
        OWN_TABLE.into_iden()
    }
}

#[async_trait::async_trait]
impl MigratorTrait for WithoutOurs {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateDocuments), Box::new(CreateNotes)]
    }
}

struct CreateDocuments;
struct CreateNotes;

impl MigrationName for CreateDocuments {
    fn name(&self) -> &str {
        "m20200101_000000_app_documents"
    }
}

impl MigrationName for CreateNotes {
    fn name(&self) -> &str {
        "m20300101_000000_app_notes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateDocuments {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = "id integer NOT NULL PRIMARY KEY, title varchar(100)";
        create(manager, &format!("documents ({columns})")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, "DROP TABLE documents").await
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateNotes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let key = "FOREIGN KEY (doc_id) REFERENCES documents (id)";
        create(manager, &format!("notes (doc_id integer NOT NULL, {key})")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, "DROP TABLE notes").await
    }
}

/// Creates a table. Running it a second time fails, as in most migrations.
async fn create(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let engine = match manager.get_connection().get_database_backend() {
        DbBackend::MySql => " ENGINE = InnoDB",
        _ => "",
    };
    execute(manager, &format!("CREATE TABLE {table}{engine}")).await
}

async fn execute(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    db.execute_unprepared(sql).await.map(|_| ())
}
