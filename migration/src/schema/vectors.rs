//! The table `vectors` and its index.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::SchemaManager;

use super::{
    declared::{self, IX_VECTORS_DOC_ID, VECTORS},
    live::{self, Kind},
};
use crate::Error;

/// Creates what is missing; what is there already stays.
pub(crate) async fn ensure(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if live::table(db, VECTORS).await?.is_none() {
        let create = declared::create_vectors(db.get_database_backend());
        manager.create_table(create).await?;
    }
    let Some(table) = live::table(db, VECTORS).await? else {
        return Err(DbErr::RecordNotFound(VECTORS.to_owned()));
    };
    let found = match table.kind {
        Kind::Table => None,
        Kind::TableOfEngine(engine) => Some(format!("table of the storage engine {engine}")),
        Kind::Other(kind) => Some(kind),
    };
    if let Some(found) = found {
        let place = live::place(db).await?;
        return Err(Error::NotATable { place, found }.into());
    }
    let indexed = table
        .indexes
        .iter()
        .any(|index| index.name == IX_VECTORS_DOC_ID);
    if !indexed {
        manager
            .create_index(declared::create_ix_vectors_doc_id())
            .await?;
    }
    Ok(())
}
