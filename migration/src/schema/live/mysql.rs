//! From `information_schema`, whose texts are cast: MySQL and MariaDB type them differently.

use sea_orm::{ConnectionTrait, DbErr};

use super::{Column, ColumnKind, Index, Kind, Place, Table, gather, list, rows};

pub(super) async fn place(db: &impl ConnectionTrait) -> Result<Place, DbErr> {
    let database: Option<String> = list(db, "SELECT CAST(DATABASE() AS CHAR)", [])
        .await?
        .pop()
        .flatten();
    match database {
        Some(database) => Ok(Place {
            database,
            schema: None,
        }),
        None => Err(DbErr::Custom(
            "the connection has chosen no database".to_owned(),
        )),
    }
}

pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT CAST(table_name AS CHAR) FROM information_schema.tables
         WHERE table_schema = DATABASE() ORDER BY table_name",
        [],
    )
    .await
}

pub(super) async fn table(db: &impl ConnectionTrait, name: &str) -> Result<Option<Table>, DbErr> {
    let Some(kind) = kind(db, name).await? else {
        return Ok(None);
    };
    Ok(Some(Table {
        kind,
        columns: columns(db, name).await?,
        indexes: indexes(db, name).await?,
    }))
}

async fn kind(db: &impl ConnectionTrait, name: &str) -> Result<Option<Kind>, DbErr> {
    let found = rows(
        db,
        "SELECT CAST(table_type AS CHAR), CAST(coalesce(engine, '') AS CHAR)
         FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_name = ?",
        [name.into()],
        |row| {
            let table_type: String = row.try_get_by_index(0)?;
            let engine: String = row.try_get_by_index(1)?;
            Ok(match (table_type.as_str(), engine.as_str()) {
                ("BASE TABLE", "InnoDB") => Kind::Table,
                ("BASE TABLE", _) => Kind::TableOfEngine(engine),
                _ => Kind::Other(table_type.to_lowercase()),
            })
        },
    );
    Ok(found.await?.pop())
}

async fn columns(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Column>, DbErr> {
    rows(
        db,
        "SELECT CAST(column_name AS CHAR), CAST(data_type AS CHAR), CAST(column_type AS CHAR)
         FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name = ?
         ORDER BY ordinal_position",
        [name.into()],
        |row| {
            let data_type: String = row.try_get_by_index(1)?;
            let declared: String = row.try_get_by_index(2)?;
            Ok(Column {
                name: row.try_get_by_index(0)?,
                kind: column_kind(&data_type.to_lowercase(), &declared.to_lowercase()),
                declared,
            })
        },
    )
    .await
}

fn column_kind(data_type: &str, declared: &str) -> ColumnKind {
    let bits = match data_type {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        "bigint" => 64,
        _ => return ColumnKind::Other,
    };
    ColumnKind::Integer {
        bits,
        signed: !declared.contains("unsigned"),
    }
}

/// An index over a column's prefix is over another value than the column's.
async fn indexes(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Index>, DbErr> {
    let found = rows(
        db,
        "SELECT CAST(index_name AS CHAR),
                CAST(CASE WHEN sub_part IS NULL THEN coalesce(column_name, '') ELSE '' END AS CHAR),
                CAST(non_unique AS SIGNED)
         FROM information_schema.statistics
         WHERE table_schema = DATABASE() AND table_name = ?
         ORDER BY index_name, seq_in_index",
        [name.into()],
        |row| {
            let non_unique: i64 = row.try_get_by_index(2)?;
            Ok(Index {
                name: row.try_get_by_index(0)?,
                columns: vec![row.try_get_by_index(1)?],
                is_key: non_unique == 0,
            })
        },
    );
    Ok(gather(found.await?))
}
