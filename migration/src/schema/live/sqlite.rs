//! From `sqlite_schema` and the table-valued pragmas.

use sea_orm::{ConnectionTrait, DbErr};

use super::{Column, ColumnKind, Index, Kind, Place, Table, gather, list, rows};

pub(super) async fn place(db: &impl ConnectionTrait) -> Result<Place, DbErr> {
    let file: Option<String> = list(
        db,
        "SELECT file FROM pragma_database_list WHERE name = 'main'",
        [],
    )
    .await?
    .pop();
    Ok(Place {
        database: file
            .filter(|file| !file.is_empty())
            .unwrap_or(":memory:".to_owned()),
        schema: None,
    })
}

pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT name FROM main.sqlite_schema
         WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name",
        [],
    )
    .await
}

pub(super) async fn table(db: &impl ConnectionTrait, name: &str) -> Result<Option<Table>, DbErr> {
    let Some(kind) = kind(db, name).await? else {
        return Ok(None);
    };
    let columns = columns(db, name).await?;
    let mut indexes = indexes(db, name).await?;
    indexes.extend(primary_key(db, name).await?);
    Ok(Some(Table {
        kind,
        columns,
        indexes,
    }))
}

/// A name is looked up in the temporary schema first.
async fn kind(db: &impl ConnectionTrait, name: &str) -> Result<Option<Kind>, DbErr> {
    let found = rows(
        db,
        "SELECT schema, type FROM pragma_table_list
         WHERE name = ?1 COLLATE NOCASE AND schema IN ('main', 'temp')
         ORDER BY schema",
        [name.into()],
        |row| {
            let schema: String = row.try_get_by_index(0)?;
            let kind: String = row.try_get_by_index(1)?;
            Ok(match (schema.as_str(), kind.as_str()) {
                ("temp", _) => Kind::Other(format!("temporary {kind}")),
                (_, "table") => Kind::Table,
                (_, "virtual") => Kind::Other("virtual table".to_owned()),
                _ => Kind::Other(kind),
            })
        },
    );
    Ok(found.await?.pop())
}

async fn columns(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Column>, DbErr> {
    rows(
        db,
        "SELECT name, type FROM pragma_table_xinfo(?1) ORDER BY cid",
        [name.into()],
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

/// SQLite keeps any integer in any of them; what is declared says what the application means.
fn column_kind(declared: &str) -> ColumnKind {
    let bits = match declared.to_ascii_uppercase().as_str() {
        "TINYINT" => 8,
        "SMALLINT" | "INT2" => 16,
        "MEDIUMINT" => 24,
        "INTEGER" | "INT" | "INT4" => 32,
        "BIGINT" | "INT8" => 64,
        _ => return ColumnKind::Other,
    };
    ColumnKind::Integer { bits, signed: true }
}

async fn indexes(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Index>, DbErr> {
    let found = rows(
        db,
        "SELECT l.name, coalesce(i.name, ''), l.\"unique\" AND NOT l.partial
         FROM pragma_index_list(?1) l, pragma_index_info(l.name) i
         ORDER BY l.name, i.seqno",
        [name.into()],
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

/// A key that is the rowid itself has no index.
async fn primary_key(db: &impl ConnectionTrait, name: &str) -> Result<Option<Index>, DbErr> {
    let columns: Vec<String> = list(
        db,
        "SELECT name FROM pragma_table_xinfo(?1) WHERE pk > 0 ORDER BY pk",
        [name.into()],
    )
    .await?;
    Ok((!columns.is_empty()).then(|| Index {
        name: "PRIMARY KEY".to_owned(),
        columns,
        is_key: true,
    }))
}
