//! Inspection from `sqlite_schema` and the table-valued pragmas. Column names, which are
//! case-insensitive, arrive in lower case.

use sea_orm::{ConnectionTrait, DbErr};

use super::{
    Found, Referrer, Relation, gather,
    others::Named,
    questions::{Question, Row, ask, each, firsts},
    read_foreign_key, read_location,
};
use crate::{
    declare::Shape,
    engine::Engine,
    model::{Attributes, Column, Extras, Filled, Index, Kind, Nulls, Reach, Table},
    query::rows,
    sql,
    types::{Length, Type},
};

/// Reads all tables in one statement, and their statistics in another if the database has any.
pub(super) async fn read(db: &impl ConnectionTrait, shape: &Shape) -> Result<Found, DbErr> {
    let mut questions = vec![location(), tables(), names()];
    questions.extend(shape.inspected().flat_map(|table| of_table(&table.name)));
    let mut answers = ask(db, &questions).await?;
    let [location, tables, names] = answers.next();
    let names: Vec<String> = firsts(&names)?;
    let statistics = statistics(db, &names).await?;
    let mut declared = Vec::new();
    for table in shape.inspected() {
        declared.extend(read_table(&table.name, &statistics, &answers.next())?);
    }
    Ok(Found {
        location: read_location(&location)?,
        tables: firsts(&tables)?,
        names,
        declared,
        compression: None,
        reach: Reach::Server,
    })
}

pub(super) fn location() -> Question {
    let sql = "SELECT coalesce(nullif(file, ''), ':memory:')
         FROM pragma_database_list WHERE name = 'main'";
    Question::new(1, sql)
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

pub(super) fn tables() -> Question {
    let sql = "SELECT name FROM main.sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name";
    Question::new(1, sql)
}

/// Returns names that are taken. Tables, views, indexes and triggers share one name space.
fn names() -> Question {
    Question::new(1, "SELECT name FROM main.sqlite_schema")
}

/// Returns each table that has statistics, together with the table that stores them, which not
/// every database has.
async fn statistics(
    db: &impl ConnectionTrait,
    names: &[String],
) -> Result<Vec<(String, String)>, DbErr> {
    let mut all = Vec::new();
    for holder in ["sqlite_stat1", "sqlite_stat4"] {
        if !names.iter().any(|name| name == holder) {
            continue;
        }
        let sql =
            format!("SELECT DISTINCT cast(tbl AS text) FROM main.{holder} WHERE tbl IS NOT NULL");
        let [analyzed] = ask(db, &[Question::new(1, &sql)]).await?.next();
        let analyzed: Vec<String> = firsts(&analyzed)?;
        all.extend(analyzed.into_iter().map(|table| (holder.to_owned(), table)));
    }
    Ok(all)
}

const QUESTIONS: usize = 7;

/// Returns the queries on one table, whose answers [`read_table`] reads in the same order.
fn of_table(name: &str) -> [Question; QUESTIONS] {
    let name = &sql::literal(Engine::Sqlite, name);
    [
        kind(name),
        primary_key(name),
        columns(name),
        indexes(name),
        foreign_keys(name),
        kept(name),
        statements(name),
    ]
}

fn read_table(
    name: &str,
    statistics: &[(String, String)],
    answers: &[Vec<Row>; QUESTIONS],
) -> Result<Option<Table>, DbErr> {
    let [kind, primary_key, columns, indexes, keys, kept, statements] = answers;
    let Some((kind, is_numbered)) = each(kind, read_kind)?.pop() else {
        return Ok(None);
    };
    let of_it = |(_, table): &&(String, String)| table.eq_ignore_ascii_case(name);
    let mut table = Table {
        columns: each(columns, read_column)?,
        primary_key: firsts(primary_key)?,
        indexes: gather(each(indexes, read_index)?),
        foreign_keys: gather(each(keys, read_foreign_key)?),
        extras: Extras {
            kept: firsts(kept)?,
            statements: firsts(statements)?,
            statistics: statistics
                .iter()
                .filter(of_it)
                .map(|(holder, _)| holder.clone())
                .collect(),
            ..Extras::default()
        },
        ..Table::new(name, kind)
    };
    for key in &mut table.foreign_keys {
        key.name = None;
    }
    if is_numbered {
        number_rowid(&mut table);
    }
    Ok(Some(table))
}

/// Marks the one column to which SQLite itself gives a number.
fn number_rowid(table: &mut Table) {
    let [key] = table.primary_key.as_slice() else {
        return;
    };
    let rowid = |column: &&mut Column| {
        column.name == *key && column.printed.eq_ignore_ascii_case("integer")
    };
    if let Some(column) = table.columns.iter_mut().find(rowid) {
        column.filled = Filled::AutoIncrement { sequence: None };
        column.nullable = false;
        let index = Index::declared("PRIMARY KEY", table.primary_key.clone(), true);
        table.indexes.push(index);
    }
}

fn primary_key(name: &str) -> Question {
    let sql =
        format!("SELECT lower(name) FROM pragma_table_xinfo({name}) WHERE pk > 0 ORDER BY pk");
    Question::new(1, sql)
}

fn statements(name: &str) -> Question {
    let sql = format!(
        "SELECT sql FROM main.sqlite_schema WHERE tbl_name = {name} COLLATE NOCASE AND sql IS NOT NULL
         ORDER BY type = 'trigger', type = 'index', rowid"
    );
    Question::new(1, sql)
}

/// Returns the kind of a table. SQLite looks a name up in the temporary schema first. The key of a
/// table with a rowid is that rowid if it has no index. An index takes its name from the same name
/// space.
fn kind(name: &str) -> Question {
    let sql = format!(
        "SELECT schema, type, NOT wr AND NOT EXISTS (
                  SELECT 1 FROM pragma_index_list({name}) WHERE origin = 'pk')
         FROM pragma_table_list
         WHERE name = {name} COLLATE NOCASE AND schema IN ('main', 'temp')
         UNION ALL
         SELECT 'main', 'index', 0 FROM main.sqlite_schema
         WHERE type = 'index' AND name = {name} COLLATE NOCASE
         ORDER BY 1"
    );
    Question::new(3, sql)
}

/// Reads the kind, and whether the key may be the rowid.
fn read_kind(row: &Row) -> Result<(Kind, bool), DbErr> {
    let schema: String = row.get(0)?;
    let kind: String = row.get(1)?;
    let may_be_rowid: i64 = row.get(2)?;
    let kind = match (schema.as_str(), kind.as_str()) {
        ("temp", _) => Kind::Other(format!("a temporary {kind}")),
        (_, "table") => Kind::Table,
        (_, "index") => Kind::Other("an index".to_owned()),
        (_, "virtual") => Kind::Other("a virtual table".to_owned()),
        _ => Kind::Other(format!("a {kind}")),
    };
    Ok((kind, may_be_rowid != 0))
}

fn columns(name: &str) -> Question {
    let sql = format!(
        "SELECT lower(name), type, \"notnull\", dflt_value, hidden
         FROM pragma_table_xinfo({name}) ORDER BY cid"
    );
    Question::new(5, sql)
}

fn read_column(row: &Row) -> Result<Column, DbErr> {
    let declared: String = row.get(1)?;
    let not_null: i64 = row.get(2)?;
    let hidden: i64 = row.get(4)?;
    let default: Option<String> = row.get(3)?;
    let is_null = |default: &String| {
        let bare = default.trim_matches(['(', ')', ' ']);
        bare.eq_ignore_ascii_case("null")
    };
    Ok(Column {
        name: row.get(0)?,
        kind: column_kind(&declared),
        printed: declared,
        nullable: not_null == 0,
        default: default.filter(|default| !is_null(default)),
        filled: match hidden {
            2 | 3 => Filled::Generated,
            _ => Filled::ByDefault,
        },
        attributes: Attributes::default(),
    })
}

/// Returns the type that the declaration of a column means. SQLite stores any value in any column,
/// but the declaration tells what the application intends.
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

/// Returns the indexes. A lookup uses a column's own collation, and no index under another. No
/// pragma reports a column's collation: it is the default one unless the table's statement names
/// another.
fn indexes(name: &str) -> Question {
    let sql = format!(
        "SELECT l.name, CASE WHEN i.is_own THEN lower(i.name) ELSE '' END, l.\"unique\", l.partial,
                CASE WHEN NOT i.is_own THEN 'an expression of ' || substr(s.sql, instr(s.sql, '(')) END
         FROM pragma_index_list({name}) l
         JOIN (SELECT x.index_name, x.name, x.seqno,
                      x.name IS NOT NULL AND (x.coll = 'BINARY' COLLATE NOCASE OR t.sql LIKE '%collate%') AS is_own
               FROM (SELECT l.name AS index_name, x.* FROM pragma_index_list({name}) l, pragma_index_xinfo(l.name) x) x
               LEFT JOIN main.sqlite_schema t ON t.type = 'table' AND t.name = {name} COLLATE NOCASE
               WHERE x.key) i ON i.index_name = l.name
         LEFT JOIN main.sqlite_schema s ON s.type = 'index' AND s.name = l.name
         ORDER BY l.name, i.seqno"
    );
    Question::new(5, sql)
}

/// Reads an index with one of its columns.
fn read_index(row: &Row) -> Result<Index, DbErr> {
    let unique: i64 = row.get(2)?;
    let partial: i64 = row.get(3)?;
    let (is_unique, is_whole) = (unique != 0, partial == 0);
    let expression: Option<String> = row.get(4)?;
    Ok(Index {
        name: row.get(0)?,
        columns: vec![row.get(1)?],
        expressions: expression.into_iter().collect(),
        nulls: Nulls::Distinct,
        is_key: is_unique && is_whole,
        is_unique,
        is_whole,
        has_constraint: false,
        is_plain: is_whole,
        unused: None,
    })
}

/// Returns the foreign keys by their numbers, because the pragma reports no names. A key that names
/// no column refers to the parent's primary key.
fn foreign_keys(name: &str) -> Question {
    let sql = format!(
        "SELECT cast(id AS text), lower(\"from\"), \"table\",
                lower(coalesce(\"to\", (SELECT p.name FROM pragma_table_info(f.\"table\") p WHERE p.pk = f.seq + 1), '')),
                on_delete, on_update
         FROM pragma_foreign_key_list({name}) f ORDER BY id, seq"
    );
    Question::new(6, sql)
}

/// Returns what a rebuild has to preserve: the tables whose foreign keys refer to this one,
/// possibly itself, its triggers, and the full-text indexes that store no text of their own. Their
/// statements are compared without quotes and spaces.
fn kept(name: &str) -> Question {
    let sql = format!(
        "SELECT DISTINCT 'foreign key of ' || s.name
         FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f
         WHERE s.type = 'table' AND f.\"table\" = {name} COLLATE NOCASE
         UNION ALL
         SELECT 'trigger ' || name FROM main.sqlite_schema
         WHERE type = 'trigger' AND tbl_name = {name} COLLATE NOCASE
         UNION ALL
         SELECT 'full-text index ' || name || ' that finds its rows by their ' ||
                CASE WHEN instr(statement, ',content_rowid=') AND NOT instr(statement, ',content_rowid=rowid,')
                     THEN 'key' ELSE 'rowid' END
         FROM (SELECT name, {statement} AS statement, {of_it} AS of_it FROM main.sqlite_schema
               WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%')
         WHERE instr(statement, ',content=' || of_it || ',')
         ORDER BY 1",
        statement = squeezed("sql"),
        of_it = squeezed(name),
    );
    Question::new(1, sql)
}

/// Returns the text without quotes and spaces, and with commas instead of parentheses.
fn squeezed(text: &str) -> String {
    let replaced = |text: String, (sign, by): (&str, &str)| {
        let [sign, by] = [sign, by].map(|one| sql::literal(Engine::Sqlite, one));
        format!("replace({text}, {sign}, {by})")
    };
    let gone = [" ", "\t", "\n", "\r", "'", "\"", "`", "[", "]"].map(|sign| (sign, ""));
    let commas = [("(", ","), (")", ",")];
    let signs = gone.into_iter().chain(commas);
    signs.fold(format!("lower({text})"), replaced)
}

/// Returns the foreign keys that refer to a table. A key that names no column refers to the primary
/// key.
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
        |row| Referrer::read(row, None, Engine::Sqlite),
    );
    Ok(gather(found.await?)
        .into_iter()
        .map(|(_, key)| key)
        .collect())
}
