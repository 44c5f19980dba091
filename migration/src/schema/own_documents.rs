//! The `documents` that these migrations have made. It says so itself, in a comment: that comes and goes
//! with the table, so that a crash leaves neither without the other.

use sea_orm::{ConnectionTrait, DbBackend};

use super::{
    declared::{DOCUMENTS, MADE_BY_US, VECTORS},
    live::{ColumnKind, Kind, Live, Placement, Reach, Table, list},
    rows,
};
use crate::Error;

/// Whether `vectors` counts as somebody who relies on `documents`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vectors {
    Counts,
    /// It will have gone by then.
    WillHaveGone,
}

/// Whether the table is ours, has nothing but what we gave it, and nobody relies on it.
pub(crate) async fn may_go(
    db: &impl ConnectionTrait,
    live: &Live,
    vectors: Vectors,
) -> Result<bool, Error> {
    // On another node of a cluster somebody may make `vectors` meanwhile: no lock reaches there.
    Ok(live.reach == Reach::Server
        && are_ours(db, live).await?
        && !is_relied_on(db, vectors).await?
        && rows::is_empty(db, DOCUMENTS).await?)
}

/// Whether the table is ours, with rows or without.
pub(crate) async fn are_ours(db: &impl ConnectionTrait, live: &Live) -> Result<bool, Error> {
    let Some(documents) = &live.documents else {
        return Ok(false);
    };
    // An unqualified name may be that of another schema's table.
    let is_here = live.backend != DbBackend::Postgres || documents.schema == live.place.schema;
    Ok(is_here && is_as_we_make_it(documents) && is_marked(db).await?)
}

/// The application's has columns of its own.
fn is_as_we_make_it(documents: &Table) -> bool {
    let id = documents.column("id");
    documents.kind == Kind::Table
        && documents.placement == Placement::Local
        && documents.columns.len() == 1
        && id.is_some_and(|id| id.kind == ColumnKind::INTEGER)
}

async fn is_marked(db: &impl ConnectionTrait) -> Result<bool, Error> {
    let comment = match db.get_database_backend() {
        DbBackend::MySql => {
            "SELECT CAST(table_comment AS CHAR) FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_name = 'documents'"
        }
        DbBackend::Sqlite => {
            "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = 'documents'"
        }
        _ => "SELECT obj_description(to_regclass('documents'), 'pg_class')",
    };
    let comments: Vec<Option<String>> = list(db, comment, [])
        .await
        .map_err(Error::looking_for("who has made documents"))?;
    Ok(comments.into_iter().flatten().any(|comment| {
        match db.get_database_backend() {
            // Its statement holds the comment.
            DbBackend::Sqlite => comment.contains(&format!("/* {MADE_BY_US} */")),
            _ => comment == MADE_BY_US,
        }
    }))
}

/// Whether foreign keys, views or the like refer to the table; of those that the engine shows this user.
async fn is_relied_on(db: &impl ConnectionTrait, vectors: Vectors) -> Result<bool, Error> {
    let others = match db.get_database_backend() {
        DbBackend::MySql => {
            "SELECT CAST(table_name AS CHAR) FROM information_schema.key_column_usage
             WHERE referenced_table_schema = DATABASE() AND referenced_table_name = 'documents'
             UNION ALL
             SELECT CAST(table_name AS CHAR) FROM information_schema.views
             WHERE table_schema = DATABASE() AND view_definition LIKE '%documents%'"
        }
        DbBackend::Sqlite => {
            "SELECT lower(s.name) FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f
             WHERE s.type = 'table' AND lower(f.\"table\") = 'documents'
             UNION ALL
             SELECT name FROM main.sqlite_schema
             WHERE type IN ('view', 'trigger') AND sql LIKE '%documents%'"
        }
        // An owned sequence, the key and what else goes with the table depend on it in another way.
        _ => {
            "SELECT CASE c.conrelid WHEN to_regclass('vectors') THEN 'vectors'
                                    ELSE coalesce(c.conrelid::regclass::text, '') END FROM pg_catalog.pg_depend d
             LEFT JOIN pg_catalog.pg_constraint c
               ON d.classid = 'pg_catalog.pg_constraint'::regclass AND c.oid = d.objid
             WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'n'
               AND d.refobjid = to_regclass('documents')"
        }
    };
    let mut others: Vec<String> = list(db, others, [])
        .await
        .map_err(Error::looking_for("what refers to documents"))?;
    if vectors == Vectors::WillHaveGone {
        others.retain(|name| name != VECTORS);
    }
    Ok(!others.is_empty())
}
