//! From `sqlite_schema` and the table-valued pragmas. Column names, which have no case, come in lower case.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::{Found, Referrer, Relation, gather, list, others::Named, rows};
use crate::{
    declare::Shape,
    model::{Attributes, Column, Extras, Filled, ForeignKey, Index, Kind, Place, Reach, Table},
    sql,
    types::{Length, Type},
};

pub(super) async fn read(db: &impl ConnectionTrait, shape: &Shape) -> Result<Found, DbErr> {
    let mut declared = Vec::new();
    for one in shape.inspected() {
        declared.extend(table(db, &one.name).await?);
    }
    Ok(Found {
        place: place(db).await?,
        tables: tables(db).await?,
        names: names(db).await?,
        declared,
        compression: None,
        reach: Reach::Server,
    })
}

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

pub(super) async fn relations(db: &impl ConnectionTrait) -> Result<Vec<Relation>, DbErr> {
    rows(
        db,
        "SELECT name, upper(type) FROM main.sqlite_schema
         WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        [],
        Relation::read,
    )
    .await
}

pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT name FROM main.sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name",
        [],
    )
    .await
}

/// Tables, views, indexes and triggers share one space of names.
async fn names(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(db, "SELECT name FROM main.sqlite_schema", []).await
}

async fn table(db: &impl ConnectionTrait, name: &str) -> Result<Option<Table>, DbErr> {
    let Some((kind, has_rowid)) = kind(db, name).await? else {
        return Ok(None);
    };
    let primary_key: Vec<String> = list(
        db,
        "SELECT lower(name) FROM pragma_table_xinfo(?1) WHERE pk > 0 ORDER BY pk",
        [name.into()],
    )
    .await?;
    let mut columns = columns(db, name).await?;
    let mut indexes = indexes(db, name).await?;
    // The one column that SQLite itself gives a number: it has no index of its own.
    let own_index: Vec<String> = list(
        db,
        "SELECT name FROM pragma_index_list(?1) WHERE origin = 'pk'",
        [name.into()],
    )
    .await?;
    let is_rowid = has_rowid && own_index.is_empty();
    if let ([key], true) = (primary_key.as_slice(), is_rowid) {
        let rowid = |column: &&mut Column| {
            column.name == *key && column.printed.eq_ignore_ascii_case("integer")
        };
        if let Some(column) = columns.iter_mut().find(rowid) {
            column.filled = Filled::AutoIncrement { sequence: None };
            column.nullable = false;
            indexes.push(Index::declared("PRIMARY KEY", primary_key.clone(), true));
        }
    }
    Ok(Some(Table {
        columns,
        primary_key,
        indexes,
        foreign_keys: foreign_keys(db, name).await?,
        extras: Extras {
            kept: kept(db, name).await?,
            statements: statements(db, name).await?,
            ..Extras::default()
        },
        ..Table::new(name, kind)
    }))
}

async fn statements(db: &impl ConnectionTrait, name: &str) -> Result<Vec<String>, DbErr> {
    let mut statements: Vec<String> = list(
        db,
        "SELECT sql FROM main.sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE AND sql IS NOT NULL
         ORDER BY type = 'trigger', type = 'index', rowid",
        [name.into()],
    )
    .await?;
    let analyzed: Vec<i64> = list(
        db,
        "SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_stat1'",
        [],
    )
    .await?;
    if analyzed == [1] {
        let of_it: Vec<i64> = list(
            db,
            "SELECT count(*) FROM sqlite_stat1 WHERE tbl = ?1 COLLATE NOCASE",
            [name.into()],
        )
        .await?;
        if of_it != [0] {
            let table = sql::identifier(DbBackend::Sqlite, name);
            statements.push(format!("ANALYZE {table}"));
        }
    }
    Ok(statements)
}

/// A name is looked up in the temporary schema first.
async fn kind(db: &impl ConnectionTrait, name: &str) -> Result<Option<(Kind, bool)>, DbErr> {
    let found = rows(
        db,
        "SELECT schema, type, wr FROM pragma_table_list
         WHERE name = ?1 COLLATE NOCASE AND schema IN ('main', 'temp')
         ORDER BY schema",
        [name.into()],
        |row| {
            let schema: String = row.try_get_by_index(0)?;
            let kind: String = row.try_get_by_index(1)?;
            let without_rowid: bool = row.try_get_by_index(2)?;
            let kind = match (schema.as_str(), kind.as_str()) {
                ("temp", _) => Kind::Other(format!("a temporary {kind}")),
                (_, "table") => Kind::Table,
                (_, "virtual") => Kind::Other("a virtual table".to_owned()),
                _ => Kind::Other(format!("a {kind}")),
            };
            Ok((kind, !without_rowid))
        },
    );
    Ok(found.await?.pop())
}

async fn columns(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Column>, DbErr> {
    rows(
        db,
        "SELECT lower(name), type, \"notnull\", dflt_value, hidden FROM pragma_table_xinfo(?1) ORDER BY cid",
        [name.into()],
        |row| {
            let declared: String = row.try_get_by_index(1)?;
            let not_null: bool = row.try_get_by_index(2)?;
            let hidden: i32 = row.try_get_by_index(4)?;
            Ok(Column {
                name: row.try_get_by_index(0)?,
                kind: column_kind(&declared),
                printed: declared,
                nullable: !not_null,
                default: row.try_get_by_index(3)?,
                filled: match hidden {
                    2 | 3 => Filled::Generated,
                    _ => Filled::ByDefault,
                },
                attributes: Attributes::default(),
            })
        },
    )
    .await
}

/// SQLite keeps any value in any of them; what is declared says what the application means.
fn column_kind(declared: &str) -> Type {
    let declared = declared.to_ascii_uppercase();
    let (name, numbers) = declared.split_once('(').unwrap_or((&declared, ""));
    let mut numbers = numbers
        .split([',', ')'])
        .filter_map(|number| number.trim().parse::<u32>().ok());
    let integer = |bits| Type::Integer { bits, signed: true };
    match name.trim() {
        "TINYINT" => integer(8),
        "SMALLINT" | "INT2" => integer(16),
        "MEDIUMINT" => integer(24),
        "INTEGER" | "INT" | "INT4" => integer(32),
        "BIGINT" | "INT8" => integer(64),
        "SERIAL" => Type::Serial,
        "TEXT" => Type::TEXT,
        "JSON" | "JSON_TEXT" => Type::Json { binary: false },
        "JSONB" | "JSONB_TEXT" => Type::Json { binary: true },
        "CLOB" => Type::LIMITED_TEXT,
        "BOOLEAN" | "BOOL" => Type::Boolean,
        "FLOAT" => Type::Float { bits: 32 },
        "DOUBLE" | "DOUBLE PRECISION" => Type::Float { bits: 64 },
        "REAL" | "DECIMAL" | "NUMERIC" => match (numbers.next(), numbers.next()) {
            (Some(precision), Some(scale)) => Type::Decimal { precision, scale },
            _ => Type::Float { bits: 64 },
        },
        "BLOB" => Type::Bytes { limited: false },
        "DATE" | "DATE_TEXT" => Type::Date,
        "DATETIME" | "DATETIME_TEXT" | "TIMESTAMP" | "TIMESTAMP_TEXT" => {
            Type::Timestamp { zone: false }
        }
        "TIMESTAMP_WITH_TIMEZONE_TEXT" => Type::Timestamp { zone: true },
        "UUID" | "UUID_TEXT" => Type::Uuid,
        name if name.contains("CHAR") => match numbers.next() {
            Some(length) => Type::Text {
                length: Length::Characters(length),
                any_character: true,
            },
            None => Type::LIMITED_TEXT,
        },
        _ => Type::Other,
    }
}

async fn indexes(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Index>, DbErr> {
    let found = rows(
        db,
        "SELECT l.name, lower(coalesce(i.name, '')), l.\"unique\", l.partial
         FROM pragma_index_list(?1) l, pragma_index_info(l.name) i
         ORDER BY l.name, i.seqno",
        [name.into()],
        |row| {
            let unique: bool = row.try_get_by_index(2)?;
            let partial: bool = row.try_get_by_index(3)?;
            Ok(Index {
                name: row.try_get_by_index(0)?,
                columns: vec![row.try_get_by_index(1)?],
                is_key: unique && !partial,
                is_unique: unique,
                is_whole: !partial,
                has_constraint: false,
                is_plain: !partial,
                unused: None,
            })
        },
    );
    Ok(gather(found.await?))
}

/// By their numbers: the pragma tells no names. No column named means the parent's primary key.
async fn foreign_keys(db: &impl ConnectionTrait, name: &str) -> Result<Vec<ForeignKey>, DbErr> {
    let found = rows(
        db,
        "SELECT cast(id AS text), lower(\"from\"), \"table\",
                lower(coalesce(\"to\", (SELECT p.name FROM pragma_table_info(f.\"table\") p WHERE p.pk = f.seq + 1), '')),
                on_delete, on_update
         FROM pragma_foreign_key_list(?1) f ORDER BY id, seq",
        [name.into()],
        |row| {
            Ok(ForeignKey {
                name: row.try_get_by_index(0)?,
                columns: vec![row.try_get_by_index(1)?],
                table: row.try_get_by_index(2)?,
                references: vec![row.try_get_by_index(3)?],
                on_delete: row.try_get_by_index(4)?,
                on_update: row.try_get_by_index(5)?,
                timing: String::new(),
                comment: None,
                validated: None,
                enforced: true,
            })
        },
    );
    let mut keys = gather(found.await?);
    for key in &mut keys {
        key.name = None;
    }
    Ok(keys)
}

async fn kept(db: &impl ConnectionTrait, name: &str) -> Result<Vec<String>, DbErr> {
    let referrers = referrers(db, name).await?;
    let keys = referrers
        .iter()
        .map(|referrer| format!("foreign key of {referrer}"));
    let triggers: Vec<String> = list(
        db,
        "SELECT 'trigger ' || name FROM main.sqlite_schema
         WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE ORDER BY name",
        [name.into()],
    )
    .await?;
    Ok(keys.chain(triggers).collect())
}

/// No column named means the primary key.
pub(super) async fn referring_keys(
    db: &impl ConnectionTrait,
    to: &Named,
) -> Result<Vec<Referrer>, DbErr> {
    let found = rows(
        db,
        "SELECT cast(f.id AS text), s.name, f.\"from\",
                coalesce(f.\"to\", (SELECT p.name FROM pragma_table_info(f.\"table\") p WHERE p.pk = f.seq + 1), ''),
                f.on_delete
         FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f
         WHERE s.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE ORDER BY s.name, f.id, f.seq",
        [to.name.clone().into()],
        |row| Referrer::read(row, None, DbBackend::Sqlite),
    );
    Ok(gather(found.await?)
        .into_iter()
        .map(|(_, key)| key)
        .collect())
}

/// The tables whose foreign keys refer to this one, itself perhaps among them.
async fn referrers(db: &impl ConnectionTrait, name: &str) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT DISTINCT s.name FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f
         WHERE s.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE ORDER BY s.name",
        [name.into()],
    )
    .await
}
