//! The application's table `documents`: made for a newcomer, else only looked at.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::SchemaManager;

use super::{
    declared::{self, DOCUMENTS},
    live::{self, ColumnKind, Kind, Place, Table},
};
use crate::Error;

/// Creates `documents` in an empty database; makes sure that one which is there can carry the foreign key.
///
/// `bookkeeping` is the name of the migrator's own table, which does not count.
pub(crate) async fn ensure(manager: &SchemaManager<'_>, bookkeeping: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let place = live::place(db).await?;
    if let Some(table) = live::table(db, DOCUMENTS).await? {
        return Ok(can_carry_foreign_key(&table, &place)?);
    }
    let mut found = live::tables(db).await?;
    found.retain(|name| name != bookkeeping);
    if !found.is_empty() {
        return Err(Error::DocumentsMissing { place, found }.into());
    }
    manager
        .create_table(declared::create_documents(db.get_database_backend()))
        .await
}

fn can_carry_foreign_key(table: &Table, place: &Place) -> Result<(), Error> {
    let unfit = |found: String, next_step| {
        Err(Error::DocumentsUnfit {
            place: place.clone(),
            found,
            next_step,
        })
    };
    match &table.kind {
        Kind::Table => {}
        Kind::TableOfEngine(engine) => {
            return unfit(
                format!("\"documents\" is stored by {engine}, which keeps no foreign keys"),
                "Convert it: ALTER TABLE documents ENGINE = InnoDB",
            );
        }
        Kind::Other(kind) => {
            return unfit(
                format!("\"documents\" is a {kind}"),
                "Point -u and -s at the database and schema of the table itself",
            );
        }
    }
    let Some(id) = table.column("id") else {
        return unfit(
            "\"documents\" has no column \"id\"".to_owned(),
            "Add it in the application's own migrations",
        );
    };
    if id.kind != ColumnKind::INTEGER {
        return unfit(
            format!("its type is {:?}", id.declared),
            "Change it in the application's own migrations: \"vectors\" would refuse its values or misread them",
        );
    }
    if !table.is_key("id") {
        return unfit(
            "neither a primary key nor a unique constraint is on \"id\" alone".to_owned(),
            "Add one in the application's own migrations",
        );
    }
    Ok(())
}
