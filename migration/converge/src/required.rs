//! The required tables that these migrations have made. Each says so itself, in a comment: that comes and goes
//! with the table, so that a crash leaves neither without the other.

use sea_orm::{ConnectionTrait, DbBackend};

use crate::{
    Error,
    declare::{Declared, Role},
    facts,
    inspect::{Inspection, list},
    model::{Kind, Placement, Reach, Table},
    plan::required::mark,
    sql,
};

/// Tables that will have been dropped before, so that their foreign keys do not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Referrers {
    pub(crate) gone: Vec<String>,
}

/// Returns whether the table is ours, has nothing but what we gave it, and no object refers to it.
pub(crate) async fn may_go(
    db: &impl ConnectionTrait,
    current: &Inspection,
    declared: &Declared,
    referrers: &Referrers,
) -> Result<bool, Error> {
    let table = &declared.table.name;
    // A session on another node of a cluster may refer to it meanwhile: no lock reaches there.
    Ok(current.reach == Reach::Server
        && is_ours(db, current, declared).await?
        && !is_relied_on(db, table, referrers).await?
        && facts::is_empty(db, table).await?)
}

/// Returns whether the table is ours, with rows or without.
pub(crate) async fn is_ours(
    db: &impl ConnectionTrait,
    current: &Inspection,
    declared: &Declared,
) -> Result<bool, Error> {
    let (Role::Required { by }, Some(found)) =
        (&declared.role, current.table(&declared.table.name))
    else {
        return Ok(false);
    };
    // An unqualified name may be that of another schema's table.
    let is_here = current.backend != DbBackend::Postgres || found.schema == current.place.schema;
    Ok(is_here
        && is_as_we_make_it(&declared.table, found)
        && is_marked(db, &declared.table.name, &mark(by)).await?)
}

/// The application's has columns of its own.
fn is_as_we_make_it(declared: &Table, found: &Table) -> bool {
    found.kind == Kind::Table
        && found.placement == Placement::Local
        && found.columns.len() == declared.columns.len()
        && declared.columns.iter().all(|column| {
            let found = found.column(&column.name);
            found.is_some_and(|found| found.kind == column.kind)
        })
}

async fn is_marked(db: &impl ConnectionTrait, table: &str, mark: &str) -> Result<bool, Error> {
    let backend = db.get_database_backend();
    let name = sql::literal(backend, table);
    let comment = match backend {
        DbBackend::MySql => format!(
            "SELECT CAST(table_comment AS CHAR) FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_name = {name}"
        ),
        DbBackend::Sqlite => {
            format!("SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = {name}")
        }
        _ => format!(
            "SELECT obj_description(to_regclass({}), 'pg_class')",
            sql::literal(backend, &sql::identifier(backend, table))
        ),
    };
    let comments: Vec<Option<String>> = list(db, &comment, [])
        .await
        .map_err(Error::looking_for(format!("who has made {table}")))?;
    Ok(comments.into_iter().flatten().any(|comment| match backend {
        // Its statement holds the comment.
        DbBackend::Sqlite => comment.contains(&format!("/* {mark} */")),
        _ => comment == mark,
    }))
}

/// Returns whether foreign keys, views or the like refer to the table; of those that the engine shows this user.
async fn is_relied_on(
    db: &impl ConnectionTrait,
    table: &str,
    referrers: &Referrers,
) -> Result<bool, Error> {
    let backend = db.get_database_backend();
    let name = sql::literal(backend, table);
    let pattern = sql::literal(backend, &format!("%{table}%"));
    let others = match backend {
        DbBackend::MySql => format!(
            "SELECT CAST(table_name AS CHAR) FROM information_schema.key_column_usage
             WHERE referenced_table_schema = DATABASE() AND referenced_table_name = {name}
             UNION ALL
             SELECT CAST(table_name AS CHAR) FROM information_schema.views
             WHERE table_schema = DATABASE() AND view_definition LIKE {pattern}"
        ),
        DbBackend::Sqlite => format!(
            "SELECT lower(s.name) FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f
             WHERE s.type = 'table' AND lower(f.\"table\") = {name}
             UNION ALL
             SELECT name FROM main.sqlite_schema
             WHERE type IN ('view', 'trigger') AND sql LIKE {pattern}"
        ),
        // An owned sequence, the key and what else goes with the table depend on it in another way.
        _ => format!(
            "SELECT coalesce(t.relname::text, '') FROM pg_catalog.pg_depend d
             LEFT JOIN pg_catalog.pg_constraint c
               ON d.classid = 'pg_catalog.pg_constraint'::regclass AND c.oid = d.objid
             LEFT JOIN pg_catalog.pg_class t ON t.oid = c.conrelid AND pg_table_is_visible(t.oid)
             WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'n'
               AND d.refobjid = to_regclass({})",
            sql::literal(backend, &sql::identifier(backend, table))
        ),
    };
    let mut others: Vec<String> = list(db, &others, [])
        .await
        .map_err(Error::looking_for(format!("what refers to {table}")))?;
    others.retain(|name| !referrers.gone.contains(name));
    Ok(!others.is_empty())
}
