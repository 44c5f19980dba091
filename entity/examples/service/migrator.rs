use migration::{
    MigratorTrait,
    sea_orm_migration::{MigrationTrait, async_trait},
};

use crate::m20261128_000000_create_outbox;

/// The migrations of `vectors` followed by the service's own. They run in this order under one lock, and are recorded
/// in one table.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = migration::Migrator::migrations();
        all.push(Box::new(m20261128_000000_create_outbox::Migration));
        all
    }
}
