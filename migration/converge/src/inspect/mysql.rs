//! From `information_schema`, whose texts are cast: MySQL and MariaDB type them differently. Column names,
//! which have no case, come in lower case.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::{Found, Referrer, Relation, gather, list, others::Named, rows};
use crate::{
    declare::Shape,
    model::{
        Attributes, Column, Copies, Extras, Filled, ForeignKey, Index, Kind, Place, Reach, Shown,
        Table, Unused,
    },
    sql,
    types::{Length, Type},
};

/// Before a SELECT: the server prints expressions as a statement of ours is read, whose `sql_mode` is another than
/// the session's. MariaDB has one word for it, MySQL another.
const PRINTED_FOR_US: &str =
    "/*M! SET STATEMENT sql_mode = '' FOR */ SELECT /*+ SET_VAR(sql_mode = '') */";

/// At the foreign keys, before they are called hidden.
const LOOKS: u32 = 3;

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
        reach: reach(db).await?,
    })
}

pub(super) async fn place(db: &impl ConnectionTrait) -> Result<Place, DbErr> {
    let database: Option<String> = list(db, "SELECT CAST(DATABASE() AS CHAR)", [])
        .await?
        .pop()
        .flatten();
    let database = database
        .ok_or_else(|| DbErr::Custom("the connection has chosen no database".to_owned()))?;
    Ok(Place {
        database,
        schema: None,
    })
}

pub(super) async fn relations(db: &impl ConnectionTrait) -> Result<Vec<Relation>, DbErr> {
    rows(
        db,
        "SELECT CAST(table_name AS CHAR), IF(table_type = 'VIEW', 'VIEW', 'TABLE')
         FROM information_schema.tables WHERE table_schema = DATABASE()",
        [],
        Relation::read,
    )
    .await
}

/// The tables of other databases whose foreign keys refer to some here.
pub(super) async fn referrers_elsewhere(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT DISTINCT CAST(concat(table_schema, '.', table_name) AS CHAR)
         FROM information_schema.key_column_usage
         WHERE referenced_table_schema = DATABASE() AND table_schema <> DATABASE() ORDER BY 1",
        [],
    )
    .await
}

/// From whichever database.
pub(super) async fn referrers(
    db: &impl ConnectionTrait,
    to: &Named,
) -> Result<Vec<Referrer>, DbErr> {
    let found = rows(
        db,
        "SELECT CAST(k.constraint_name AS CHAR), CAST(k.table_name AS CHAR), CAST(k.column_name AS CHAR),
                CAST(k.referenced_column_name AS CHAR), CAST(r.delete_rule AS CHAR), CAST(k.table_schema AS CHAR)
         FROM information_schema.key_column_usage k
         JOIN information_schema.referential_constraints r
           ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
          AND r.table_name = k.table_name
         WHERE k.referenced_table_schema = ? AND k.referenced_table_name = ?
         ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position",
        [to.database.clone().into(), to.name.clone().into()],
        |row| {
            let database = row.try_get_by_index(5)?;
            Referrer::read(row, database, DbBackend::MySql)
        },
    );
    Ok(gather(found.await?)
        .into_iter()
        .map(|(_, key)| key)
        .collect())
}

pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT CAST(table_name AS CHAR) FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_type <> 'VIEW' ORDER BY table_name",
        [],
    )
    .await
}

/// A foreign key's name is unique in its database; an index's only in its table.
async fn names(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT CAST(constraint_name AS CHAR) FROM information_schema.table_constraints
         WHERE constraint_schema = DATABASE() AND constraint_type = 'FOREIGN KEY'",
        [],
    )
    .await
}

async fn table(db: &impl ConnectionTrait, name: &str) -> Result<Option<Table>, DbErr> {
    let Some(kind) = kind(db, name).await? else {
        return Ok(None);
    };
    let indexes = indexes(db, name).await?;
    let primary_key = indexes.iter().find(|index| index.name == "PRIMARY");
    Ok(Some(Table {
        columns: columns(db, name).await?,
        primary_key: primary_key.map_or_else(Vec::new, |key| key.columns.clone()),
        indexes,
        foreign_keys: foreign_keys(db, name).await?,
        extras: Extras {
            kept: kept(db, name).await?,
            copies: copies(db, name).await?,
            ..Extras::default()
        },
        ..Table::new(name, kind)
    }))
}

async fn kind(db: &impl ConnectionTrait, name: &str) -> Result<Option<Kind>, DbErr> {
    let found = rows(
        db,
        "SELECT CAST(table_type AS CHAR), CAST(coalesce(engine, '') AS CHAR),
                CAST(coalesce(create_options, '') AS CHAR)
         FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_name = ?",
        [name.into()],
        |row| {
            let table_type: String = row.try_get_by_index(0)?;
            let engine: String = row.try_get_by_index(1)?;
            let options: String = row.try_get_by_index(2)?;
            Ok(match (table_type.as_str(), engine.as_str()) {
                ("BASE TABLE", _) if options.contains("partitioned") => {
                    Kind::Other("a partitioned table".to_owned())
                }
                ("BASE TABLE", "InnoDB") => Kind::Table,
                ("BASE TABLE", _) => Kind::TableOfEngine(engine),
                ("SYSTEM VERSIONED", "InnoDB") => {
                    Kind::ReferredTo("a system-versioned table".to_owned())
                }
                _ => Kind::Other(format!("a {}", table_type.to_lowercase())),
            })
        },
    );
    Ok(found.await?.pop())
}

async fn columns(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Column>, DbErr> {
    let product = product(db).await?;
    let checks = checks_of_columns(db, product, name).await?;
    let sql = format!(
        "{PRINTED_FOR_US} CAST(lower(column_name) AS CHAR), CAST(data_type AS CHAR), CAST(column_type AS CHAR),
                CAST(is_nullable AS CHAR), CAST(column_default AS CHAR), CAST(extra AS CHAR),
                CAST(column_comment AS CHAR), CAST(coalesce(character_set_name, '') AS CHAR),
                CAST(coalesce(collation_name, '') AS CHAR),
                CAST(coalesce(character_maximum_length, 0) AS SIGNED),
                CAST(coalesce(numeric_precision, 0) AS SIGNED), CAST(coalesce(numeric_scale, 0) AS SIGNED)
         FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name = ?
         ORDER BY ordinal_position"
    );
    rows(db, &sql, [name.into()], |row| {
        let data_type: String = row.try_get_by_index(1)?;
        let declared: String = row.try_get_by_index(2)?;
        let nullable: String = row.try_get_by_index(3)?;
        let default: Option<String> = row.try_get_by_index(4)?;
        let extra: String = row.try_get_by_index(5)?;
        let charset: String = row.try_get_by_index(7)?;
        let name: String = row.try_get_by_index(0)?;
        let number = |at: usize| {
            let number: i64 = row.try_get_by_index(at)?;
            Ok::<_, DbErr>(u32::try_from(number).unwrap_or(u32::MAX))
        };
        let numbers = Numbers {
            length: number(9)?,
            precision: number(10)?,
            scale: number(11)?,
        };
        let words = format!("{extra} {declared}").to_lowercase();
        let unsaid = match product {
            // MySQL prints the quotes in an expression as no statement takes them.
            Product::MySql if words.contains("default_generated") => {
                Some("filled by an expression".to_owned())
            }
            Product::MySql | Product::MariaDb => ["invisible", "compressed", "on update"]
                .into_iter()
                .find(|word| words.contains(word))
                .map(str::to_owned),
        };
        let check = checks.iter().find(|(column, _)| *column == name);
        Ok(Column {
            kind: column_kind(
                &data_type.to_lowercase(),
                &declared.to_lowercase(),
                &charset,
                &numbers,
            ),
            printed: declared,
            nullable: nullable == "YES",
            default: match product {
                // Also what a nullable column has anyway.
                Product::MariaDb => default.filter(|default| default != "NULL"),
                Product::MySql => default.map(|default| sql::literal(DbBackend::MySql, &default)),
            },
            filled: filled(&extra.to_lowercase()),
            attributes: Attributes {
                collation: row.try_get_by_index(8)?,
                comment: row.try_get_by_index(6)?,
                check: check.map(|(_, clause)| clause.clone()),
                unsaid,
                ..Attributes::default()
            },
            name,
        })
    })
    .await
}

/// Whose server it is.
#[derive(Clone, Copy)]
enum Product {
    /// It prints a default as a statement takes it.
    MariaDb,
    /// It prints the value.
    MySql,
}

async fn product(db: &impl ConnectionTrait) -> Result<Product, DbErr> {
    let version: Vec<String> = list(db, "SELECT CAST(version() AS CHAR)", []).await?;
    Ok(
        match version.iter().any(|version| version.contains("MariaDB")) {
            true => Product::MariaDb,
            false => Product::MySql,
        },
    )
}

/// MySQL keeps every check with the table, where a change of the column leaves it.
async fn checks_of_columns(
    db: &impl ConnectionTrait,
    product: Product,
    name: &str,
) -> Result<Vec<(String, String)>, DbErr> {
    match product {
        Product::MySql => return Ok(Vec::new()),
        Product::MariaDb => {}
    }
    let sql = format!(
        "{PRINTED_FOR_US} CAST(lower(constraint_name) AS CHAR), CAST(check_clause AS CHAR)
         FROM information_schema.check_constraints
         WHERE constraint_schema = DATABASE() AND table_name = ? AND level = 'Column'"
    );
    let read =
        |row: &sea_orm::QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    rows(db, &sql, [name.into()], read).await
}

fn filled(extra: &str) -> Filled {
    if extra.contains("auto_increment") {
        Filled::AutoIncrement { sequence: None }
    } else if extra.contains("virtual generated") || extra.contains("stored generated") {
        Filled::Generated
    } else {
        Filled::ByDefault
    }
}

/// The numbers in a type's parentheses.
struct Numbers {
    length: u32,
    precision: u32,
    scale: u32,
}

fn column_kind(data_type: &str, printed: &str, charset: &str, numbers: &Numbers) -> Type {
    let any_character = charset == "utf8mb4";
    let integer = |bits| Type::Integer {
        bits,
        signed: !printed.contains("unsigned"),
    };
    let text = |length| Type::Text {
        length,
        any_character,
    };
    match data_type {
        "tinyint" => integer(8),
        "smallint" => integer(16),
        "mediumint" => integer(24),
        "int" => integer(32),
        "bigint" => integer(64),
        "longtext" => text(match any_character {
            true => Length::Any,
            false => Length::Limited,
        }),
        "varchar" => text(Length::Characters(numbers.length)),
        "tinytext" | "text" | "mediumtext" => text(Length::Limited),
        "float" => Type::Float { bits: 32 },
        "double" => Type::Float { bits: 64 },
        "decimal" => Type::Decimal {
            precision: numbers.precision,
            scale: numbers.scale,
        },
        "longblob" => Type::Bytes { limited: false },
        "tinyblob" | "blob" | "mediumblob" => Type::Bytes { limited: true },
        "date" => Type::Date,
        "datetime" => Type::Timestamp { zone: false },
        "timestamp" => Type::Timestamp { zone: true },
        "binary" if numbers.length == 16 => Type::Uuid,
        "json" => Type::Json { binary: false },
        _ => Type::Other,
    }
}

/// An index over a column's prefix is over another value than the column's.
async fn indexes(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Index>, DbErr> {
    let hidden = hidden_indexes(db, name).await?;
    let found = rows(
        db,
        "SELECT CAST(index_name AS CHAR),
                CAST(CASE WHEN sub_part IS NULL THEN lower(coalesce(column_name, '')) ELSE '' END AS CHAR),
                CAST(non_unique AS SIGNED), CAST(index_type AS CHAR)
         FROM information_schema.statistics
         WHERE table_schema = DATABASE() AND table_name = ?
         ORDER BY index_name, seq_in_index",
        [name.into()],
        |row| {
            let non_unique: i64 = row.try_get_by_index(2)?;
            let method: String = row.try_get_by_index(3)?;
            let name: String = row.try_get_by_index(0)?;
            let hidden = hidden.iter().find(|(hidden, _)| *hidden == name);
            let unused = hidden.map(|(_, shown)| Unused::Hidden(*shown));
            Ok(Index {
                name,
                columns: vec![row.try_get_by_index(1)?],
                is_key: non_unique == 0,
                is_unique: non_unique == 0,
                is_whole: unused.is_none() && matches!(method.as_str(), "BTREE" | "HASH"),
                is_plain: method == "BTREE",
                unused,
                has_constraint: false,
            })
        },
    );
    Ok(gather(found.await?))
}

/// The indexes that the optimizer is told not to use, with the words that end it. MariaDB and MySQL
/// have each its own column for it, and older versions none.
async fn hidden_indexes(
    db: &impl ConnectionTrait,
    name: &str,
) -> Result<Vec<(String, Shown)>, DbErr> {
    const SWITCHES: [(&str, &str, Shown); 2] = [
        ("IGNORED", "YES", Shown::NotIgnored),
        ("IS_VISIBLE", "NO", Shown::Visible),
    ];
    let columns: Vec<String> = list(
        db,
        "SELECT CAST(upper(column_name) AS CHAR) FROM information_schema.columns
         WHERE table_schema = 'information_schema' AND upper(table_name) = 'STATISTICS'",
        [],
    )
    .await?;
    let mut hidden = Vec::new();
    for (switch, off, shown) in SWITCHES {
        if columns.iter().any(|column| column == switch) {
            let sql = format!(
                "SELECT DISTINCT CAST(index_name AS CHAR) FROM information_schema.statistics
                 WHERE table_schema = DATABASE() AND table_name = ? AND {switch} = '{off}'"
            );
            let names: Vec<String> = list(db, &sql, [name.into()]).await?;
            hidden.extend(names.into_iter().map(|name| (name, shown)));
        }
    }
    Ok(hidden)
}

/// Between the catalog and the statement another node may make or drop a key, so what they disagree on is
/// looked at again.
async fn foreign_keys(db: &impl ConnectionTrait, name: &str) -> Result<Vec<ForeignKey>, DbErr> {
    for _ in 0..LOOKS {
        let found = shown_keys(db, name).await?;
        if !found.is_empty() || !has_keys(db, name).await? {
            return Ok(gather(found));
        }
    }
    Err(DbErr::Custom(format!(
        "the foreign keys of {name} are hidden from a user who has no more than SELECT: grant it REFERENCES on the database"
    )))
}

async fn shown_keys(db: &impl ConnectionTrait, name: &str) -> Result<Vec<ForeignKey>, DbErr> {
    rows(
        db,
        "SELECT CAST(k.constraint_name AS CHAR), CAST(lower(k.column_name) AS CHAR),
                CAST(CASE WHEN k.referenced_table_schema = DATABASE() THEN k.referenced_table_name
                     ELSE concat(k.referenced_table_schema, '.', k.referenced_table_name) END AS CHAR),
                CAST(lower(k.referenced_column_name) AS CHAR),
                CAST(r.delete_rule AS CHAR), CAST(r.update_rule AS CHAR)
         FROM information_schema.key_column_usage k
         JOIN information_schema.referential_constraints r
           ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
          AND r.table_name = k.table_name
         WHERE k.table_schema = DATABASE() AND k.table_name = ? AND k.referenced_table_name IS NOT NULL
         ORDER BY k.constraint_name, k.ordinal_position",
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
    )
    .await
}

async fn has_keys(db: &impl ConnectionTrait, name: &str) -> Result<bool, DbErr> {
    let show = format!(
        "SHOW CREATE TABLE {}",
        sql::identifier(DbBackend::MySql, name)
    );
    let statement = rows(db, &show, [], |row| row.try_get_by_index::<String>(1)).await?;
    let has_one = |text: &String| {
        let mut constraints = text.split("\n  CONSTRAINT ").skip(1);
        constraints.any(|one| after_name(one).starts_with(" FOREIGN KEY ("))
    };
    Ok(statement.iter().any(has_one))
}

/// What follows a name, which stands between the quotes that the session has, or between none. A comment, which has
/// no end of line as it is, may say the same words.
fn after_name(text: &str) -> &str {
    let Some(quote) = text.chars().next().filter(|first| "`\"".contains(*first)) else {
        return text.find(' ').map_or("", |end| &text[end..]);
    };
    let mut rest = &text[1..];
    while let Some(end) = rest.find(quote) {
        rest = &rest[end + 1..];
        match rest.strip_prefix(quote) {
            Some(more) => rest = more,
            None => return rest,
        }
    }
    ""
}

async fn kept(db: &impl ConnectionTrait, name: &str) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT CAST(concat('trigger ', trigger_name) AS CHAR) FROM information_schema.triggers
         WHERE event_object_schema = DATABASE() AND event_object_table = ?
         UNION ALL
         SELECT CAST(concat('check constraint ', constraint_name) AS CHAR)
         FROM information_schema.table_constraints
         WHERE table_schema = DATABASE() AND table_name = ? AND constraint_type = 'CHECK'
         UNION ALL
         SELECT CAST(concat('foreign key ', constraint_name, ' of ', table_name) AS CHAR)
         FROM information_schema.referential_constraints
         WHERE constraint_schema = DATABASE() AND referenced_table_name = ?",
        [name.into(), name.into(), name.into()],
    )
    .await
}

/// As MariaDB 10.11 does it. A server that does otherwise refuses the statement.
async fn copies(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Copies>, DbErr> {
    rows(
        db,
        "SELECT DISTINCT CAST(CASE index_type WHEN 'HASH' THEN 'every change' ELSE 'a rebuild' END AS CHAR)
         FROM information_schema.statistics
         WHERE table_schema = DATABASE() AND table_name = ? AND index_type <> 'BTREE'
         UNION
         SELECT CAST('a rebuild' AS CHAR) FROM information_schema.columns c
         WHERE c.table_schema = DATABASE() AND c.table_name = ?
           AND (c.extra LIKE '%STORED GENERATED%'
                OR (c.extra LIKE '%VIRTUAL GENERATED%' AND EXISTS (
                      SELECT 1 FROM information_schema.statistics s
                      WHERE s.table_schema = DATABASE() AND s.table_name = c.table_name
                        AND s.column_name = c.column_name)))
         UNION
         SELECT CAST(concat('from ', lower(generation_expression)) AS CHAR) FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name = ? AND extra LIKE '%STORED GENERATED%'",
        [name.into(), name.into(), name.into()],
        |row| {
            let change: String = row.try_get_by_index(0)?;
            Ok(match (change.as_str(), change.strip_prefix("from ")) {
                ("every change", _) => Copies::EveryChange,
                (_, Some(expression)) => Copies::GeneratedFrom(expression.to_owned()),
                (_, None) => Copies::Rebuild,
            })
        },
    )
    .await
}

async fn reach(db: &impl ConnectionTrait) -> Result<Reach, DbErr> {
    let settings = rows(
        db,
        "SHOW VARIABLES WHERE Variable_name IN ('wsrep_on', 'wsrep_OSU_method')",
        [],
        |row| row.try_get_by_index::<String>(1),
    )
    .await?;
    let is_set = |value: &str| settings.iter().any(|setting| setting == value);
    Ok(match is_set("ON") && is_set("TOI") {
        true => Reach::Cluster,
        false => Reach::Server,
    })
}
