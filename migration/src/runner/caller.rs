//! The beginning of a call.

use converge::SecondConnection;
use sea_orm_migration::{IntoSchemaManagerConnection, SchemaManagerConnection};

/// The connection of a call, and what the call finds out about its pool.
pub(super) struct Caller<'c> {
    pub(super) db: SchemaManagerConnection<'c>,
    pub(super) second: SecondConnection,
}

impl<'c> Caller<'c> {
    pub(super) fn of(db: impl IntoSchemaManagerConnection<'c>) -> Self {
        Self {
            db: db.into_database_executor(),
            second: SecondConnection::default(),
        }
    }
}
