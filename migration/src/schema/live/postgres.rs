//! From `pg_catalog`: `information_schema` hides foreign keys from a role that may only read.

use sea_orm::{ConnectionTrait, DbErr};

use super::{Column, ColumnKind, Index, Kind, Place, Table, gather, list, rows};

pub(super) async fn place(db: &impl ConnectionTrait) -> Result<Place, DbErr> {
    let found = rows(
        db,
        "SELECT current_database()::text, current_schema()::text",
        [],
        |row| {
            Ok(Place {
                database: row.try_get_by_index(0)?,
                schema: row.try_get_by_index(1)?,
            })
        },
    );
    found
        .await?
        .pop()
        .ok_or_else(|| DbErr::RecordNotFound("the current database".to_owned()))
}

/// Without the tables that an extension brought.
pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT c.relname::text
         FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = current_schema()
           AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_depend d
             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
         ORDER BY c.relname",
        [],
    )
    .await
}

pub(super) async fn table(db: &impl ConnectionTrait, name: &str) -> Result<Option<Table>, DbErr> {
    let Some((oid, kind)) = class(db, name).await? else {
        return Ok(None);
    };
    Ok(Some(Table {
        kind,
        columns: columns(db, oid).await?,
        indexes: indexes(db, oid).await?,
    }))
}

async fn class(db: &impl ConnectionTrait, name: &str) -> Result<Option<(i64, Kind)>, DbErr> {
    let found = rows(
        db,
        "SELECT c.oid::bigint, c.relkind::text, c.relpersistence::text
         FROM pg_catalog.pg_class c
         WHERE c.oid = to_regclass(quote_ident($1))",
        [name.into()],
        |row| {
            let relkind: String = row.try_get_by_index(1)?;
            let persistence: String = row.try_get_by_index(2)?;
            Ok((row.try_get_by_index(0)?, kind(&relkind, &persistence)))
        },
    );
    Ok(found.await?.pop())
}

fn kind(relkind: &str, persistence: &str) -> Kind {
    let other = match (relkind, persistence) {
        ("r" | "p", "t") => "temporary table",
        ("r" | "p", _) => return Kind::Table,
        ("v", _) => "view",
        ("m", _) => "materialized view",
        ("f", _) => "foreign table",
        ("S", _) => "sequence",
        ("i" | "I", _) => "index",
        _ => "composite type",
    };
    Kind::Other(other.to_owned())
}

async fn columns(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<Column>, DbErr> {
    rows(
        db,
        "SELECT attname::text, format_type(atttypid, atttypmod)
         FROM pg_catalog.pg_attribute
         WHERE attrelid = $1::bigint::oid AND attnum > 0 AND NOT attisdropped
         ORDER BY attnum",
        [oid.into()],
        |row| {
            let declared: String = row.try_get_by_index(1)?;
            Ok(Column {
                name: row.try_get_by_index(0)?,
                kind: column_kind(&declared),
                declared,
            })
        },
    )
    .await
}

fn column_kind(declared: &str) -> ColumnKind {
    let bits = match declared {
        "smallint" => 16,
        "integer" => 32,
        "bigint" => 64,
        _ => return ColumnKind::Other,
    };
    ColumnKind::Integer { bits, signed: true }
}

/// A deferrable key is none that a foreign key may refer to.
async fn indexes(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<Index>, DbErr> {
    let found = rows(
        db,
        "SELECT c.relname::text,
                coalesce(a.attname::text, ''),
                i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
         CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
         WHERE i.indrelid = $1::bigint::oid AND k.position <= i.indnkeyatts
         ORDER BY c.relname, k.position",
        [oid.into()],
        |row| {
            Ok(Index {
                name: row.try_get_by_index(0)?,
                columns: vec![row.try_get_by_index(1)?],
                is_key: row.try_get_by_index(2)?,
            })
        },
    );
    Ok(gather(found.await?))
}
