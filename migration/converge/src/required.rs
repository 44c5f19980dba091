//! The required tables that these migrations created. Each is marked by a comment, which is created
//! and dropped with the table, so that a crash leaves neither without the other.

use sea_orm::ConnectionTrait;

use crate::{
    Error,
    declare::{Declared, Role},
    engine::Engine,
    facts,
    inspect::{Case, Inspection, SYSTEM_DATABASES},
    model::{ForeignKey, Kind, Placement, Reach, Table},
    plan::{Undo, Undone, required::mark},
    query::list,
    sql,
};

/// What will have been undone before, so that its foreign keys do not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Referrers {
    pub(crate) undone: Vec<Undone>,
}

impl Referrers {
    /// Returns the referrers together with those of what is undone now.
    pub(crate) fn and(&self, undo: &Undo) -> Self {
        let undone = self.undone.iter().chain(&undo.parts);
        Self {
            undone: undone.cloned().collect(),
        }
    }

    /// Returns the tables that will no longer have a foreign key to this one.
    pub(crate) fn gone(&self, to: &str, current: Option<&Inspection>) -> Vec<String> {
        let is_undone = |table: &Table, key: &ForeignKey| {
            self.undone.iter().any(|part| {
                matches!(part, Undone::ForeignKey { table: of, key: one } if *of == table.name && one == key)
            })
        };
        let keeps_none = |table: &&Table| {
            let keys = table.foreign_keys.iter();
            let mut keys = keys.filter(|key| key.table.eq_ignore_ascii_case(to));
            keys.all(|key| is_undone(table, key))
        };
        let found = current.into_iter().flat_map(|current| &current.found);
        let without = found.filter(keeps_none).map(|table| table.name.clone());
        self.dropped().into_iter().chain(without).collect()
    }

    /// Returns the tables that will have been dropped.
    pub(crate) fn dropped(&self) -> Vec<String> {
        let tables = self.undone.iter().filter_map(|part| match part {
            Undone::Table { table } => Some(table.clone()),
            Undone::ForeignKey { .. }
            | Undone::Index { .. }
            | Undone::Column { .. }
            | Undone::Storage { .. } => None,
        });
        tables.collect()
    }
}

/// Returns whether these migrations created the table, it has nothing but what they gave it, and no
/// object refers to it.
pub(crate) async fn may_go(
    db: &impl ConnectionTrait,
    current: &Inspection,
    declared: &Declared,
    referrers: &Referrers,
) -> Result<bool, Error> {
    let table = &declared.table.name;
    // A session on another node of a cluster may refer to it in the meantime: no lock reaches
    // there.
    Ok(current.reach == Reach::Server
        && is_ours(db, current, declared).await?
        && !is_relied_on(db, table, &referrers.gone(table, Some(current))).await?
        && facts::is_empty(db, table).await?)
}

/// Returns whether these migrations created the table, with rows or without.
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
    let is_here = current.backend != Engine::Postgres || found.schema == current.location.schema;
    Ok(is_here
        && is_as_we_make_it(current.backend, &declared.table, found)
        && is_marked(db, &declared.table.name, &mark(by)).await?)
}

/// Returns whether a table has only the required columns. The application's has columns of its own.
fn is_as_we_make_it(backend: Engine, declared: &Table, found: &Table) -> bool {
    found.kind == Kind::Table
        && found.placement == Placement::Local
        && found.columns.len() == declared.columns.len()
        && declared.columns.iter().all(|column| {
            let found = found.column(&column.name);
            found.is_some_and(|found| column.kind.is_found_as(found.kind, backend))
        })
}

async fn is_marked(db: &impl ConnectionTrait, table: &str, mark: &str) -> Result<bool, Error> {
    let backend = Engine::of(db);
    let name = sql::literal(backend, table);
    let comment = match backend {
        Engine::MySql => format!(
            "SELECT CAST(table_comment AS CHAR) FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_name = {name}"
        ),
        Engine::Sqlite => {
            format!("SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = {name}")
        }
        Engine::Postgres => format!(
            "SELECT obj_description(to_regclass({}), 'pg_class')",
            sql::literal(backend, &sql::identifier(backend, table))
        ),
    };
    let comments: Vec<Option<String>> = list(db, &comment, [])
        .await
        .map_err(Error::looking_for(format!("who has made {table}")))?;
    Ok(comments.into_iter().flatten().any(|comment| match backend {
        // The statement contains the comment.
        Engine::Sqlite => comment.contains(&format!("/* {mark} */")),
        Engine::Postgres | Engine::MySql => comment == mark,
    }))
}

/// Returns whether foreign keys, views or similar objects refer to the table, as far as the engine
/// shows them to this user.
async fn is_relied_on(
    db: &impl ConnectionTrait,
    table: &str,
    gone: &[String],
) -> Result<bool, Error> {
    let backend = Engine::of(db);
    let name = sql::literal(backend, table);
    let pattern = sql::literal(backend, &format!("%{table}%"));
    let others = match backend {
        Engine::MySql => format!(
            "SELECT CAST(table_name AS CHAR) FROM information_schema.key_column_usage
             WHERE referenced_table_schema = DATABASE() AND referenced_table_name = {name}
               AND table_schema NOT IN {SYSTEM_DATABASES}
             UNION ALL
             SELECT CAST(table_name AS CHAR) FROM information_schema.views
             WHERE table_schema = DATABASE() AND view_definition LIKE {pattern}"
        ),
        Engine::Sqlite => format!(
            "SELECT s.name FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f
             WHERE s.type = 'table' AND f.\"table\" = {name} COLLATE NOCASE
             UNION ALL
             SELECT name FROM main.sqlite_schema
             WHERE type IN ('view', 'trigger') AND sql LIKE {pattern}"
        ),
        // An owned sequence, the key and other objects that are dropped with the table depend on it
        // in another way.
        Engine::Postgres => format!(
            "SELECT coalesce(t.relname::text, '') FROM pg_catalog.pg_depend d
             LEFT JOIN pg_catalog.pg_constraint c
               ON d.classid = 'pg_catalog.pg_constraint'::regclass AND c.oid = d.objid
             LEFT JOIN pg_catalog.pg_class t ON t.oid = c.conrelid AND pg_table_is_visible(t.oid)
             WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'n'
               AND d.refobjid = to_regclass({})",
            sql::literal(backend, &sql::identifier(backend, table))
        ),
    };
    let case = match backend {
        Engine::Sqlite => Case::Ignored,
        Engine::Postgres | Engine::MySql => Case::Told,
    };
    let mut others: Vec<String> = list(db, &others, [])
        .await
        .map_err(Error::looking_for(format!("what refers to {table}")))?;
    others.retain(|name| {
        let is_it = |gone: &String| case.is_same(gone, name);
        !gone.iter().any(is_it)
    });
    Ok(!others.is_empty())
}
