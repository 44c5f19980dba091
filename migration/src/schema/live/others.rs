//! What else is in the database: what `fresh` would drop, who refers to it, and what Alembic records.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult};

use super::{list, mysql, postgres, sqlite, unsupported};
use crate::{Error, schema::declared::VECTORS, sql};

/// What `fresh` drops there, by name.
pub(crate) async fn relations(db: &impl ConnectionTrait) -> Result<Vec<Relation>, Error> {
    let relations = match db.get_database_backend() {
        DbBackend::Postgres => postgres::relations(db).await,
        DbBackend::MySql => mysql::relations(db).await,
        DbBackend::Sqlite => sqlite::relations(db).await,
        other => Err(unsupported(other)),
    };
    relations.map_err(Error::looking_for("the tables and views"))
}

/// The table in which Alembic keeps its revision.
const ALEMBIC: &str = "alembic_version";

/// Alembic's revisions, where it keeps any: on PostgreSQL in whichever schema, this one first.
pub(crate) async fn alembic(db: &impl ConnectionTrait) -> Result<Option<Vec<String>>, Error> {
    let revisions = async {
        let Some(table) = alembic_table(db).await? else {
            return Ok(None);
        };
        let text = match db.get_database_backend() {
            DbBackend::MySql => "CHAR",
            _ => "text",
        };
        let sql = format!(
            "SELECT CAST(version_num AS {text}) FROM {table} WHERE version_num IS NOT NULL ORDER BY 1"
        );
        list(db, &sql, []).await.map(Some)
    };
    revisions
        .await
        .map_err(Error::looking_for("Alembic's revision"))
}

async fn alembic_table(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let found = match db.get_database_backend() {
        DbBackend::Postgres => {
            let schema = postgres::schema_with_table(db, ALEMBIC).await?;
            let schema = schema.map(|schema| sql::identifier(DbBackend::Postgres, &schema));
            return Ok(schema.map(|schema| format!("{schema}.{ALEMBIC}")));
        }
        DbBackend::MySql => mysql::tables(db).await?,
        _ => sqlite::tables(db).await?,
    };
    Ok(found.into_iter().find(|name| name == ALEMBIC))
}

/// The tables that would lose rows or their keys if `vectors` were dropped, where the engine does not refuse
/// that by itself: SQLite deletes what refers to it.
pub(crate) async fn referrers_to_vectors(db: &impl ConnectionTrait) -> Result<Vec<String>, Error> {
    match db.get_database_backend() {
        DbBackend::Sqlite => {
            let referrers = sqlite::referrers(db, VECTORS).await;
            let mut referrers =
                referrers.map_err(Error::looking_for("the tables that refer to vectors"))?;
            referrers.retain(|name| !name.eq_ignore_ascii_case(VECTORS));
            Ok(referrers)
        }
        _ => Ok(Vec::new()),
    }
}

/// The same of all tables together, from outside of the database: MySQL drops them without a look at that
/// where it does not look at foreign keys within.
pub(crate) async fn referrers_elsewhere(db: &impl ConnectionTrait) -> Result<Vec<String>, Error> {
    match db.get_database_backend() {
        DbBackend::MySql => mysql::referrers_elsewhere(db)
            .await
            .map_err(Error::looking_for("the tables that refer to these")),
        _ => Ok(Vec::new()),
    }
}

/// A table, or a view that is made of some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) name: String,
    /// As it stands after DROP.
    pub(crate) kind: String,
}

impl Relation {
    pub(crate) fn is_table(&self) -> bool {
        self.kind == "TABLE"
    }

    pub(super) fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            name: row.try_get_by_index(0)?,
            kind: row.try_get_by_index(1)?,
        })
    }
}
