//! Alembic's revisions, which a Python application records in the same database.

use sea_orm::{ConnectionTrait, DbErr};

use converge::{Engine, list, sql};

use crate::Error;

const TABLE: &str = "alembic_version";

/// Returns the revisions that Alembic records in this database, on PostgreSQL in this schema.
/// Returns `None` if it has no table there.
pub(super) async fn revisions(db: &impl ConnectionTrait) -> Result<Option<Vec<String>>, Error> {
    let failed = converge::Error::looking_for("Alembic's revision");
    read(db).await.map_err(failed).map_err(Error::from)
}

async fn read(db: &impl ConnectionTrait) -> Result<Option<Vec<String>>, DbErr> {
    let Some(table) = table(db).await? else {
        return Ok(None);
    };
    let text = match Engine::of(db) {
        Engine::MySql => "CHAR",
        Engine::Postgres | Engine::Sqlite => "text",
    };
    let revisions = format!(
        "SELECT CAST(version_num AS {text}) FROM {table} WHERE version_num IS NOT NULL ORDER BY 1"
    );
    list(db, &revisions, []).await.map(Some)
}

/// Returns the qualified name of Alembic's table. By an unqualified name, PostgreSQL might find one
/// in another schema of the search path.
async fn table(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let backend = Engine::of(db);
    let schemas = match backend {
        Engine::Postgres => format!(
            "SELECT n.nspname::text
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relname = '{TABLE}' AND c.relkind IN ('r', 'p') AND n.nspname = current_schema()"
        ),
        Engine::MySql => format!(
            "SELECT CAST(table_schema AS CHAR) FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_name = '{TABLE}' AND table_type <> 'VIEW'"
        ),
        Engine::Sqlite => format!(
            "SELECT 'main' FROM main.sqlite_schema WHERE type = 'table' AND name = '{TABLE}'"
        ),
    };
    let schemas: Vec<String> = list(db, &schemas, []).await?;
    let qualified = |schema: &String| format!("{}.{TABLE}", sql::identifier(backend, schema));
    Ok(schemas.first().map(qualified))
}
