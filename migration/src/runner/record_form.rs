//! The form of the migration table: SeaORM's, or one in which no migration can be recorded.

use std::fmt;

use sea_orm::ConnectionTrait;

use converge::{Engine, rows, sql};

use super::settings::Settings;
use crate::Error;

struct Column {
    name: String,
    /// The type, as the engine prints it.
    kind: String,
    /// Whether a row that does not name the column is refused.
    needs_value: bool,
    /// Whether a row that names the column is refused.
    refuses_value: bool,
    /// How many characters fit, if the type limits them.
    length: Option<i64>,
}

enum Unfit {
    Absent(&'static str),
    OfType {
        column: &'static str,
        found: String,
        wanted: &'static str,
    },
    NeedsValue(String),
    RefusesValue(&'static str),
    TooShort {
        column: &'static str,
        length: i64,
        longest: i64,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(column) => write!(f, "it has no column `{column}`"),
            Self::OfType {
                column,
                found,
                wanted,
            } => write!(f, "its column `{column}` is {found}, not {wanted}"),
            Self::NeedsValue(column) => {
                write!(
                    f,
                    "its column `{column}` has no default and may not be NULL"
                )
            }
            Self::RefusesValue(column) => write!(f, "its column `{column}` is generated"),
            Self::TooShort {
                column,
                length,
                longest,
            } => write!(
                f,
                "its column `{column}` holds {length} characters, and the names of migrations have up to {longest}"
            ),
        }
    }
}

/// What the migration table is needed for. Each use includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// To read which migrations are recorded, or to delete a record.
    Names,
    /// To read when each migration was applied.
    Times,
    /// To record a migration.
    Insert,
}

/// Refuses a table that cannot be used in this way, because a migration is applied only if it can
/// be recorded. Further columns are accepted.
pub(super) async fn require(
    db: &impl ConnectionTrait,
    settings: &Settings,
    used: Use,
) -> Result<(), Error> {
    let backend = Engine::of(db);
    let name = settings.records.name();
    let columns = columns(db, name).await?;
    let lengths = (settings.migrations)()
        .into_iter()
        .map(|one| one.name().chars().count());
    let longest = lengths.max().map_or(0, |longest| longest as i64);
    match unfit(backend, &columns, used, longest) {
        None => Ok(()),
        Some(unfit) => Err(Error::MigrationTableForm {
            location: converge::location(db).await?,
            table: name.to_owned(),
            reason: unfit.to_string(),
        }),
    }
}

fn unfit(backend: Engine, columns: &[Column], used: Use, longest: i64) -> Option<Unfit> {
    const VERSION: &str = "version";
    const APPLIED_AT: &str = "applied_at";
    for (column, least, fits, wanted) in [
        (
            VERSION,
            Use::Names,
            is_text as fn(Engine, &str) -> bool,
            "a text",
        ),
        (APPLIED_AT, Use::Times, is_big_integer, "bigint"),
    ] {
        let Some(found) = columns.iter().find(|one| one.name == column) else {
            return Some(Unfit::Absent(column));
        };
        if used >= least && !fits(backend, &found.kind.to_ascii_lowercase()) {
            return Some(Unfit::OfType {
                column,
                found: found.kind.clone(),
                wanted,
            });
        }
    }
    if used < Use::Insert {
        return None;
    }
    let ours = [VERSION, APPLIED_AT];
    for column in ours {
        let found = columns.iter().find(|one| one.name == column)?;
        if found.refuses_value {
            return Some(Unfit::RefusesValue(column));
        }
        if column == VERSION
            && let Some(length) = found.length.filter(|length| *length < longest)
        {
            return Some(Unfit::TooShort {
                column,
                length,
                longest,
            });
        }
    }
    let mut others = columns
        .iter()
        .filter(|one| !ours.contains(&one.name.as_str()));
    let blocking = others.find(|column| column.needs_value)?;
    Some(Unfit::NeedsValue(blocking.name.clone()))
}

fn is_text(backend: Engine, kind: &str) -> bool {
    match backend {
        Engine::Sqlite => kind.is_empty() || kind.contains("char") || kind.contains("text"),
        Engine::MySql => kind.contains("char") || kind.contains("text"),
        // A type of fixed length would return the name with trailing spaces.
        Engine::Postgres => ["character varying", "text"].contains(&kind),
    }
}

/// Returns whether a type holds the time. SQLite and MySQL's driver read a narrower integer too.
fn is_big_integer(backend: Engine, kind: &str) -> bool {
    const INTEGERS: [&str; 9] = [
        "tinyint",
        "smallint",
        "mediumint",
        "int",
        "integer",
        "bigint",
        "int2",
        "int4",
        "int8",
    ];
    // As in `bigint(20)` and `unsigned big int`, but not in `point`.
    let mut words = kind.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_integer = words.any(|word| INTEGERS.contains(&word));
    match backend {
        Engine::Sqlite => is_integer,
        Engine::MySql => is_integer && !kind.contains("unsigned"),
        Engine::Postgres => kind == "bigint",
    }
}

async fn columns(db: &impl ConnectionTrait, table: &str) -> Result<Vec<Column>, Error> {
    let backend = Engine::of(db);
    let name = sql::literal(backend, table);
    let columns = match backend {
        // An ENUM has its first value as its default.
        Engine::MySql => format!(
            "SELECT CAST(lower(column_name) AS CHAR), CAST(column_type AS CHAR),
                    CAST(is_nullable = 'NO' AND column_default IS NULL AND data_type <> 'enum'
                         AND lower(extra) NOT LIKE '%auto_increment%' AND lower(extra) NOT LIKE '%generated%' AS SIGNED),
                    CAST(lower(extra) LIKE '%generated%' AND lower(extra) NOT LIKE '%default_generated%' AS SIGNED),
                    CAST(character_maximum_length AS SIGNED)
             FROM information_schema.columns
             WHERE table_schema = DATABASE() AND table_name = {name}"
        ),
        // An INTEGER that is the primary key numbers its rows.
        Engine::Sqlite => format!(
            "SELECT lower(name), type,
                    \"notnull\" AND dflt_value IS NULL AND NOT (pk AND upper(type) = 'INTEGER'), 0, NULL
             FROM pragma_table_info({name})"
        ),
        Engine::Postgres => format!(
            "SELECT a.attname::text, trim('\"' FROM format_type(base.oid, NULL)),
                    ((a.attnotnull OR base.is_not_null) AND NOT a.atthasdef AND NOT base.has_default
                     AND a.attidentity = '')::int::bigint,
                    (a.attgenerated <> '' OR a.attidentity = 'a')::int::bigint,
                    CASE WHEN base.oid = 'varchar'::regtype AND base.modifier > 4
                         THEN (base.modifier - 4)::bigint END
             FROM pg_catalog.pg_attribute a
             CROSS JOIN LATERAL (
               WITH RECURSIVE d (oid, modifier) AS (
                 SELECT a.atttypid, a.atttypmod
                 UNION ALL
                 SELECT t.typbasetype, t.typtypmod FROM d JOIN pg_catalog.pg_type t ON t.oid = d.oid
                 WHERE t.typtype = 'd')
               SELECT (array_agg(d.oid) FILTER (WHERE t.typtype <> 'd'))[1] AS oid,
                      min(nullif(d.modifier, -1)) AS modifier,
                      bool_or(t.typnotnull) AS is_not_null, bool_or(t.typdefault IS NOT NULL) AS has_default
               FROM d JOIN pg_catalog.pg_type t ON t.oid = d.oid) base
             WHERE a.attrelid = to_regclass({}) AND a.attnum > 0 AND NOT a.attisdropped",
            sql::literal(backend, &sql::identifier(backend, table))
        ),
    };
    let read = rows(db, &columns, [], |row| {
        let needs_value: i64 = row.try_get_by_index(2)?;
        let refuses_value: i64 = row.try_get_by_index(3)?;
        Ok(Column {
            name: row.try_get_by_index(0)?,
            kind: row.try_get_by_index(1)?,
            needs_value: needs_value != 0,
            refuses_value: refuses_value != 0,
            length: row.try_get_by_index(4)?,
        })
    });
    let failed = converge::Error::looking_for("the migration table");
    Ok(read.await.map_err(failed)?)
}
