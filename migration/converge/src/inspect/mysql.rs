//! Inspection from `information_schema`. Column names, which are case-insensitive, arrive in lower
//! case.
//!
//! One text serves both servers: `/*M! … */` is for MariaDB alone, `/*!50701 … */` for MySQL alone.

mod grants;

pub(crate) use grants::Grants;
pub(super) use grants::read as read_grants;

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
    model::{
        Attributes, Column, Copies, Extras, Filled, ForeignKey, Hidden, HiddenPart, Index, Kind,
        Nulls, Reach, RowWidth, Shown, Table, Unused,
    },
    query::{list, rows},
    sql,
    types::{Length, Type},
};

/// How often foreign keys are read before they count as hidden.
const CATALOG_READS: u32 = 3;

/// The position of rows that have no order.
const ANY: &str = "0";

/// The server's own databases. Every query of `information_schema` excludes them, for each of its
/// tables by the column that the server checks before it opens a table. Otherwise the server opens
/// the hundred views of `sys`, which takes 70 ms instead of 1 ms.
pub(crate) const SYSTEM_DATABASES: &str =
    "('information_schema', 'mysql', 'performance_schema', 'sys')";

/// Reads all tables in one statement. If none of a table's foreign keys is shown, another statement
/// tells whether it has any.
pub(super) async fn read(db: &impl ConnectionTrait, shape: &Shape) -> Result<Found, DbErr> {
    let mut questions = vec![location(), tables(), names(), settings()];
    let asked = |table: &Table| match shape.only_requires(&table.name) {
        true => ON_A_REQUIRED_TABLE,
        false => QUESTIONS,
    };
    for table in shape.inspected() {
        questions.extend(of_table(&table.name).into_iter().take(asked(table)));
    }
    let mut answers = ask(db, &questions).await?;
    let [location, tables, names, settings] = answers.next();
    let mut declared = Vec::new();
    for table in shape.inspected() {
        let mut found = read_table(&table.name, &answers.next_of(asked(table)))?;
        if let Some(found) = &mut found
            && asked(table) == QUESTIONS
        {
            let keys = std::mem::take(&mut found.foreign_keys);
            match confirmed(db, &table.name, keys).await? {
                Some(keys) => found.foreign_keys = keys,
                None => found.extras.hidden.push(Hidden {
                    what: HiddenPart::ForeignKeys,
                    reason: HIDDEN_KEYS.to_owned(),
                }),
            }
        }
        declared.extend(found);
    }
    Ok(Found {
        location: read_location(&location)?,
        tables: firsts(&tables)?,
        names: firsts(&names)?,
        declared,
        compression: None,
        reach: reach(&firsts(&settings)?),
    })
}

pub(super) fn location() -> Question {
    Question::of_mysql(ANY, ["DATABASE()"], "")
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

/// Returns the tables of other databases whose foreign keys refer to tables of this one.
pub(super) async fn referrers_elsewhere(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        &format!(
            "SELECT DISTINCT CAST(concat(table_schema, '.', table_name) AS CHAR)
             FROM information_schema.key_column_usage
             WHERE referenced_table_schema = DATABASE() AND table_schema <> DATABASE()
               AND table_schema NOT IN {SYSTEM_DATABASES}
             ORDER BY 1"
        ),
        [],
    )
    .await
}

/// Returns foreign keys of any database that refer to a table. With `=` between the two schemas,
/// the server could compare only one of them with the excluded ones.
pub(super) async fn referrers(
    db: &impl ConnectionTrait,
    to: &Named,
) -> Result<Vec<Referrer>, DbErr> {
    let sql = format!(
            "SELECT CAST(k.constraint_name AS CHAR), CAST(k.table_name AS CHAR), CAST(k.column_name AS CHAR),
                    CAST(k.referenced_column_name AS CHAR), CAST(r.delete_rule AS CHAR), CAST(k.table_schema AS CHAR)
             FROM information_schema.key_column_usage k
             JOIN information_schema.referential_constraints r
               ON r.constraint_schema <=> k.table_schema AND r.constraint_name = k.constraint_name
              AND r.table_name = k.table_name
             WHERE k.referenced_table_schema = ? AND k.referenced_table_name = ?
               AND k.table_schema NOT IN {SYSTEM_DATABASES}
               AND r.constraint_schema NOT IN {SYSTEM_DATABASES}
             ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position"
        );
    let found = rows(
        db,
        &sql,
        [to.database.clone().into(), to.name.clone().into()],
        |row| {
            let database = row.try_get_by_index(5)?;
            Referrer::read(row, database, Engine::MySql)
        },
    );
    Ok(gather(found.await?)
        .into_iter()
        .map(|(_, key)| key)
        .collect())
}

pub(super) fn tables() -> Question {
    Question::of_mysql(
        "row_number() OVER (ORDER BY table_name)",
        ["table_name"],
        "FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_type <> 'VIEW'",
    )
}

/// Returns names that are taken. A foreign key's name is unique in its database, an index's only in
/// its table. A server that is asked only for the schema of the constraint opens the tables of all
/// databases.
fn names() -> Question {
    Question::of_mysql(
        ANY,
        ["constraint_name"],
        "FROM information_schema.table_constraints
         WHERE table_schema = DATABASE() AND constraint_schema = DATABASE()
           AND constraint_type = 'FOREIGN KEY'",
    )
}

fn settings() -> Question {
    Question::of_mysql(
        ANY,
        ["variable_value"],
        "FROM /*M! information_schema *//*!50701 performance_schema */.session_variables
         WHERE variable_name IN ('wsrep_on', 'wsrep_OSU_method')",
    )
}

fn reach(settings: &[String]) -> Reach {
    let is_set = |value: &str| settings.iter().any(|setting| setting == value);
    match is_set("ON") && is_set("TOI") {
        true => Reach::Cluster,
        false => Reach::Server,
    }
}

/// The make of the server.
#[derive(Clone, Copy)]
enum Product {
    /// MariaDB prints a default as a statement accepts it.
    MariaDb,
    /// MySQL prints the value.
    MySql,
}

impl Product {
    fn of(version: &str) -> Self {
        match version.contains("MariaDB") {
            true => Self::MariaDb,
            false => Self::MySql,
        }
    }
}

const QUESTIONS: usize = 9;

/// How many of the queries, the first ones, are asked about a table that a foreign key only refers
/// to.
const ON_A_REQUIRED_TABLE: usize = 4;

/// Returns the queries on one table, whose answers [`read_table`] reads in the same order.
fn of_table(name: &str) -> [Question; QUESTIONS] {
    [
        kind(),
        columns(),
        checks_of_columns(),
        indexes(),
        foreign_keys(),
        kept(),
        before_insert(),
        copies(),
        prevents(),
    ]
    .map(|question| question.with(name))
}

fn read_table(name: &str, answers: &[Vec<Row>; QUESTIONS]) -> Result<Option<Table>, DbErr> {
    let [
        kind,
        columns,
        checks,
        indexes,
        keys,
        kept,
        before_insert,
        copies,
        prevents,
    ] = answers;
    let of_kind = each(kind, |row| Ok((read_kind(row)?, read_width(row)?)))?;
    let Some((kind, too_wide)) = of_kind.into_iter().next() else {
        return Ok(None);
    };
    let checks = each(checks, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let indexes = gather(each(indexes, read_index)?);
    let prevents = each(prevents, |row| {
        Ok((row.get::<String>(0)?, (row.get(1)?, row.get(2)?)))
    })?;
    let which = |kind: &str| -> Vec<(String, String)> {
        let of_kind = prevents.iter().filter(|(one, _)| one == kind);
        of_kind.map(|(_, what)| what.clone()).collect()
    };
    let primary_key = indexes.iter().find(|index| index.name == "PRIMARY");
    let before_insert: Vec<Option<String>> = firsts(before_insert)?;
    let hidden = before_insert.contains(&None).then(|| Hidden {
        what: HiddenPart::Triggers,
        reason: HIDDEN_TRIGGERS.to_owned(),
    });
    Ok(Some(Table {
        columns: each(columns, |row| read_column(row, &checks))?,
        primary_key: primary_key.map_or_else(Vec::new, |key| key.columns.clone()),
        indexes,
        foreign_keys: gather(each(keys, read_foreign_key)?),
        extras: Extras {
            kept: firsts(kept)?,
            before_insert: before_insert.into_iter().flatten().collect(),
            copies: each(copies, read_copies)?,
            readers: which("reader"),
            cut: which("cut"),
            expressions: which("expression"),
            hidden: hidden.into_iter().collect(),
            too_wide,
            ..Extras::default()
        },
        ..Table::new(name, kind)
    }))
}

fn kind() -> Question {
    Question::of_mysql(
        ANY,
        [
            "table_type",
            "coalesce(engine, '')",
            "coalesce(create_options, '')",
            BYTES_IN_A_PAGE,
            "least(floor(@@innodb_page_size / 2), 16384) - 66",
        ],
        "FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
    )
}

/// How many bytes of a row InnoDB has to keep in one page: all of a short column, and a part of a
/// longer one or of a BLOB. MySQL counts less than MariaDB. Where this counts too little, the server
/// refuses the conversion as a whole.
const BYTES_IN_A_PAGE: &str =
    "CASE WHEN engine <> 'InnoDB' AND table_type = 'BASE TABLE' AND @@innodb_strict_mode THEN (
       SELECT sum(CASE WHEN c.extra LIKE '%VIRTUAL%' THEN 0
                       WHEN c.data_type IN ('tinytext', 'tinyblob') THEN 40
                       WHEN c.character_octet_length > CASE WHEN version() LIKE '%MariaDB%' THEN 255 ELSE 40 END THEN 40
                       ELSE coalesce(c.character_octet_length, 1) END)
       FROM information_schema.columns c WHERE c.table_schema = DATABASE() AND c.table_name = ?) END";

/// Reads the width of the rows if InnoDB would refuse them.
fn read_width(row: &Row) -> Result<Option<RowWidth>, DbErr> {
    let bytes: Option<String> = row.get(3)?;
    let most: String = row.get(4)?;
    let number = |digits: &str| digits.parse::<u64>().ok();
    Ok(match (bytes.as_deref().and_then(number), number(&most)) {
        (Some(bytes), Some(most)) if bytes > most => Some(RowWidth { bytes, most }),
        (Some(_) | None, _) => None,
    })
}

fn read_kind(row: &Row) -> Result<Kind, DbErr> {
    let table_type: String = row.get(0)?;
    let engine: String = row.get(1)?;
    let options: String = row.get(2)?;
    Ok(match (table_type.as_str(), engine.as_str()) {
        ("BASE TABLE", _) if options.contains("partitioned") => Kind::Partitioned,
        ("BASE TABLE", "InnoDB") => Kind::Table,
        ("BASE TABLE", _) => Kind::TableOfEngine(engine),
        ("SYSTEM VERSIONED", "InnoDB") => Kind::ReferredTo("a system-versioned table".to_owned()),
        _ => Kind::Other(format!("a {}", table_type.to_lowercase())),
    })
}

fn columns() -> Question {
    Question::of_mysql(
        "ordinal_position",
        [
            "lower(column_name)",
            "data_type",
            "column_type",
            "is_nullable",
            "column_default",
            "extra",
            "column_comment",
            "coalesce(character_set_name, '')",
            "coalesce(collation_name, '')",
            "coalesce(character_maximum_length, 0)",
            "coalesce(numeric_precision, 0)",
            "coalesce(numeric_scale, 0)",
            "version()",
            "column_name",
            OF_ANY_CHARACTER,
        ],
        "FROM information_schema.columns c WHERE table_schema = DATABASE() AND table_name = ?",
    )
}

/// The collation of utf8mb4 that compares as a column's collation of utf8mb3 does. Newer collations
/// of MariaDB have one name for every character set.
const OF_ANY_CHARACTER: &str = "CASE WHEN c.character_set_name IN ('utf8', 'utf8mb3') THEN (
       SELECT concat('utf8mb4', substr(c.collation_name, locate('_', c.collation_name)))
       FROM information_schema.collation_character_set_applicability a
       WHERE a.character_set_name = 'utf8mb4' AND a.collation_name IN (
         substr(c.collation_name, locate('_', c.collation_name) + 1),
         concat('utf8mb4', substr(c.collation_name, locate('_', c.collation_name)))) LIMIT 1) END";

/// Reads a column, with the checks of columns, each of which has the column's name.
fn read_column(row: &Row, checks: &[(String, String)]) -> Result<Column, DbErr> {
    let name: String = row.get(0)?;
    let data_type: String = row.get(1)?;
    let declared: String = row.get(2)?;
    let nullable: String = row.get(3)?;
    let default: Option<String> = row.get(4)?;
    let extra: String = row.get(5)?;
    let charset: String = row.get(7)?;
    let number = |at: usize| {
        let digits: String = row.get(at)?;
        Ok::<_, DbErr>(digits.parse().unwrap_or(u32::MAX))
    };
    let numbers = Numbers {
        length: number(9)?,
        precision: number(10)?,
        scale: number(11)?,
    };
    let product = Product::of(&row.get::<String>(12)?);
    let words = format!("{extra} {declared}").to_lowercase();
    let unsaid = match product {
        // MySQL prints the quotes of an expression in a form that no statement accepts.
        Product::MySql if words.contains("default_generated") => {
            Some("filled by an expression".to_owned())
        }
        Product::MySql | Product::MariaDb => ["invisible", "compressed", "on update", "zerofill"]
            .into_iter()
            .find(|word| words.contains(word))
            .map(str::to_owned),
    };
    let check = checks.iter().find(|(column, _)| *column == name);
    let spelled: String = row.get(13)?;
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
            // MariaDB also prints the default that a nullable column has anyway.
            Product::MariaDb => default.filter(|default| default != "NULL"),
            Product::MySql => default.map(|default| sql::literal(Engine::MySql, &default)),
        },
        filled: filled(&extra.to_lowercase()),
        attributes: Attributes {
            collation: row.get(8)?,
            comment: row.get(6)?,
            check: check.map(|(_, clause)| clause.clone()),
            unsaid,
            spelled: (spelled != name).then_some(spelled),
            of_any_character: row.get(14)?,
            ..Attributes::default()
        },
        name,
    })
}

/// Returns the checks of columns. MySQL keeps every check with the table, where a change of the
/// column does not affect it.
fn checks_of_columns() -> Question {
    Question::of_mysql(
        ANY,
        ["lower(constraint_name)", "check_clause"],
        "FROM information_schema.check_constraints
         WHERE constraint_schema = DATABASE()
           AND /*M! level = 'Column' AND table_name *//*!50701 NULL */ = ?",
    )
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
        "binary" | "varbinary" => Type::Bytes { limited: true },
        "json" => Type::Json { binary: false },
        _ => Type::Other,
    }
}

/// Returns the indexes. An index over a prefix of a column is over another value than the column's.
/// MariaDB and MySQL each have their own column for an index that the optimizer ignores, and older
/// versions have none.
fn indexes() -> Question {
    Question::of_mysql(
        "row_number() OVER (ORDER BY index_name, seq_in_index)",
        [
            "index_name",
            "CASE WHEN sub_part IS NULL THEN lower(coalesce(column_name, '')) ELSE '' END",
            "non_unique",
            "index_type",
            "coalesce(NULL /*M!100600 , CASE ignored WHEN 'YES' THEN 'ignored' END */
                           /*!50701 , CASE is_visible WHEN 'NO' THEN 'invisible' END */)",
            "CASE WHEN sub_part IS NOT NULL THEN concat(column_name, '(', sub_part, ')') END",
        ],
        "FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ?",
    )
}

/// Reads an index with one of its columns.
fn read_index(row: &Row) -> Result<Index, DbErr> {
    let non_unique: String = row.get(2)?;
    let is_unique = non_unique == "0";
    let method: String = row.get(3)?;
    let hidden: Option<String> = row.get(4)?;
    let prefix: Option<String> = row.get(5)?;
    let unused = hidden.map(|word| {
        Unused::Hidden(match word.as_str() {
            "ignored" => Shown::NotIgnored,
            _ => Shown::Visible,
        })
    });
    Ok(Index {
        name: row.get(0)?,
        columns: vec![row.get(1)?],
        expressions: prefix.into_iter().collect(),
        nulls: Nulls::Distinct,
        is_key: is_unique,
        is_unique,
        is_whole: unused.is_none() && matches!(method.as_str(), "BTREE" | "HASH"),
        is_plain: method == "BTREE",
        unused,
        has_constraint: false,
    })
}

/// Returns the foreign keys. The server opens one table if each side is compared with constants,
/// and the tables of all databases otherwise.
fn foreign_keys() -> Question {
    Question::of_mysql(
        "row_number() OVER (ORDER BY k.constraint_name, k.ordinal_position)",
        [
            "k.constraint_name",
            "lower(k.column_name)",
            "CASE WHEN k.referenced_table_schema = DATABASE() THEN k.referenced_table_name
                  ELSE concat(k.referenced_table_schema, '.', k.referenced_table_name) END",
            "lower(k.referenced_column_name)",
            "r.delete_rule",
            "r.update_rule",
        ],
        "FROM information_schema.key_column_usage k
         JOIN information_schema.referential_constraints r ON r.constraint_name = k.constraint_name
         WHERE k.table_schema = DATABASE() AND k.table_name = ? AND k.referenced_table_name IS NOT NULL
           AND r.constraint_schema = DATABASE() AND r.table_name = ?",
    )
}

const HIDDEN_KEYS: &str = "the foreign keys are hidden from a user who has no more than SELECT: grant it REFERENCES on the database";

/// Returns the foreign keys, or none if there are some that this user may not see. Another node may
/// create or drop a key between the catalog query and the statement, so if they disagree, both are
/// read again.
async fn confirmed(
    db: &impl ConnectionTrait,
    name: &str,
    mut found: Vec<ForeignKey>,
) -> Result<Option<Vec<ForeignKey>>, DbErr> {
    for _ in 0..CATALOG_READS {
        if !found.is_empty() || !has_keys(db, name).await? {
            return Ok(Some(found));
        }
        let [again] = ask(db, &[foreign_keys().with(name)]).await?.next();
        found = gather(each(&again, read_foreign_key)?);
    }
    Ok(None)
}

async fn has_keys(db: &impl ConnectionTrait, name: &str) -> Result<bool, DbErr> {
    let show = format!("SHOW CREATE TABLE {}", sql::identifier(Engine::MySql, name));
    let statement = rows(db, &show, [], |row| row.try_get_by_index::<String>(1)).await?;
    let has_one = |text: &String| {
        let mut constraints = text.split("\n  CONSTRAINT ").skip(1);
        constraints.any(|one| after_name(one).starts_with(" FOREIGN KEY ("))
    };
    Ok(statement.iter().any(has_one))
}

/// Returns what follows a name, which stands in the session's quotes or in none. A comment, which
/// contains no literal line break, may contain the same words.
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

fn kept() -> Question {
    Question::of_mysql(
        ANY,
        ["kept"],
        "FROM (
           SELECT concat('trigger ', trigger_name) AS kept FROM information_schema.triggers
           WHERE event_object_schema = DATABASE() AND event_object_table = ?
           UNION ALL
           SELECT concat('check constraint ', constraint_name)
           FROM information_schema.table_constraints
           WHERE table_schema = DATABASE() AND table_name = ? AND constraint_type = 'CHECK'
           UNION ALL
           SELECT concat('foreign key ', constraint_name, ' of ', table_name)
           FROM information_schema.referential_constraints
           WHERE constraint_schema = DATABASE() AND referenced_table_name = ?) q",
    )
}

const HIDDEN_TRIGGERS: &str = "the text of a trigger, which may fill a column without a default, is hidden from this user: grant it TRIGGER on the table";

/// Returns the texts of the triggers, or NULL for those that this user may not read.
fn before_insert() -> Question {
    Question::of_mysql(
        "action_order",
        ["action_statement"],
        "FROM information_schema.triggers
         WHERE event_object_schema = DATABASE() AND event_object_table = ?
           AND action_timing = 'BEFORE' AND event_manipulation = 'INSERT'",
    )
}

/// Returns what prevents a change of a column: foreign keys of other tables that refer to it;
/// indexes that could hold less of it if it were a text of any length (a key holds 3072 bytes or,
/// in the older row formats, 767); and expressions, which may read no numbered column.
///
/// Each catalog table is compared with this table's name separately. Between two of them, MariaDB
/// would take the equality for only one, and open the tables of all databases for the other.
fn prevents() -> Question {
    Question::of_mysql(
        "row_number() OVER (ORDER BY kind, what)",
        ["kind", "what", "which"],
        "FROM (
           SELECT 'reader' AS kind, concat('foreign key ', constraint_name, ' of ', table_name) AS what,
                  lower(referenced_column_name) AS which
           FROM information_schema.key_column_usage
           WHERE table_schema = DATABASE() AND referenced_table_schema = DATABASE() AND referenced_table_name = ?
             AND table_name <> ?
           UNION ALL
           SELECT 'cut', concat('index ', s.index_name), lower(s.column_name)
           FROM information_schema.statistics s
           JOIN information_schema.columns c ON c.column_name = s.column_name
           JOIN information_schema.tables t
           WHERE s.table_schema = DATABASE() AND s.table_name = ? AND c.table_schema = DATABASE()
             AND c.table_name = ? AND t.table_schema = DATABASE() AND t.table_name = ?
             AND s.index_type = 'BTREE' AND c.character_maximum_length IS NOT NULL
             AND CASE WHEN s.sub_part IS NULL THEN s.non_unique = 1 /*!50701 OR TRUE */
                      ELSE s.sub_part * 4 > CASE WHEN t.row_format IN ('Compact', 'Redundant') THEN 767 ELSE 3072 END
                        OR (SELECT sum(coalesce(part.sub_part * 4, of_part.character_octet_length, 8))
                            FROM information_schema.statistics part
                            JOIN information_schema.columns of_part ON of_part.column_name = part.column_name
                            WHERE part.table_schema = DATABASE() AND part.table_name = ?
                              AND of_part.table_schema = DATABASE() AND of_part.table_name = ?
                              AND part.index_name = s.index_name) > 3072 END
           UNION ALL
           SELECT 'expression', concat('check constraint ', constraint_name), check_clause
           FROM information_schema.check_constraints
           WHERE constraint_schema = DATABASE()
             AND /*M! table_name = *//*!50701 constraint_name IN (
               SELECT constraint_name FROM information_schema.table_constraints
               WHERE table_schema = DATABASE() AND table_name = */ ? /*!50701 ) */
           UNION ALL
           SELECT 'expression', concat('generated column ', column_name), generation_expression
           FROM information_schema.columns
           WHERE table_schema = DATABASE() AND table_name = ? AND extra LIKE '%GENERATED%'
             AND generation_expression <> '' AND (extra LIKE '%STORED%' /*!50701 OR TRUE */)
           UNION ALL
           SELECT 'expression', concat('default of ', column_name), column_default
           FROM information_schema.columns
           WHERE table_schema = DATABASE() AND table_name = ? AND column_default LIKE '%`%') q",
    )
}

/// Returns what MariaDB 10.11 can change only by copying. A server with other rules refuses the
/// statement.
fn copies() -> Question {
    Question::of_mysql(
        ANY,
        ["copies"],
        "FROM (
           SELECT DISTINCT CASE index_type WHEN 'HASH' THEN 'every change' ELSE 'a rebuild' END AS copies
           FROM information_schema.statistics
           WHERE table_schema = DATABASE() AND table_name = ? AND index_type <> 'BTREE'
           UNION
           SELECT 'a rebuild' FROM information_schema.columns c
           WHERE c.table_schema = DATABASE() AND c.table_name = ?
             AND (c.extra LIKE '%STORED GENERATED%'
                  OR (c.extra LIKE '%VIRTUAL GENERATED%' AND EXISTS (
                        SELECT 1 FROM information_schema.statistics s
                        WHERE s.table_schema = DATABASE() AND s.table_name = c.table_name
                          AND s.column_name = c.column_name)))
           UNION
           SELECT concat('from ', lower(generation_expression)) FROM information_schema.columns
           WHERE table_schema = DATABASE() AND table_name = ? AND extra LIKE '%STORED GENERATED%') q",
    )
}

fn read_copies(row: &Row) -> Result<Copies, DbErr> {
    let change: String = row.get(0)?;
    Ok(match (change.as_str(), change.strip_prefix("from ")) {
        ("every change", _) => Copies::EveryChange,
        (_, Some(expression)) => Copies::GeneratedFrom(expression.to_owned()),
        (_, None) => Copies::Rebuild,
    })
}
