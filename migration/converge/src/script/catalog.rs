//! The conditions of guards, in SQL.

use std::path::Path;

use crate::{
    CreateRequired,
    engine::Engine,
    full_path,
    inspect::SYSTEM_DATABASES,
    model::{Column, Filled, Table, Type},
    sql,
    types::Length,
};

/// A table whose foreign keys to another one are dropped if a migration is recorded.
pub(super) struct Dropped<'t> {
    pub(super) referrer: &'t str,
    /// The condition that the migration is recorded.
    pub(super) recorded: String,
}

/// Returns whether the name is taken where the script runs, by a table or by another object.
pub(super) fn has_table(backend: Engine, table: &str) -> String {
    match backend {
        // The server decides whether case matters. A derived table is needed: otherwise the server
        // looks up only the one name.
        Engine::MySql => {
            let (name, lower) = (sql::literal(backend, table), lower(backend, table));
            format!(
                "EXISTS (SELECT 1 FROM (SELECT table_name AS name FROM information_schema.tables \
                 WHERE table_schema = DATABASE()) AS found WHERE BINARY name = BINARY {name} \
                 OR (@@lower_case_table_names <> 0 AND lower(name) = {lower}))"
            )
        }
        Engine::Sqlite => format!(
            "EXISTS (SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND lower(name) = {})",
            lower(backend, table)
        ),
        Engine::Postgres => format!("{} IS NOT NULL", regclass(table)),
    }
}

/// Returns whether it is a table that a foreign key can refer to.
pub(super) fn is_referable(backend: Engine, table: &str) -> String {
    match backend {
        Engine::MySql => format!(
            "EXISTS (SELECT 1 FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = {} AND engine = 'InnoDB' \
             AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND create_options NOT LIKE '%partitioned%')",
            sql::literal(backend, table)
        ),
        Engine::Sqlite => format!(
            "EXISTS (SELECT 1 FROM sqlite_schema \
             WHERE type = 'table' AND lower(name) = {} AND upper(sql) NOT LIKE 'CREATE VIRTUAL%')",
            lower(backend, table)
        ),
        // A table that others inherit from has rows to which no key refers.
        Engine::Postgres => format!(
            "EXISTS (SELECT 1 FROM pg_catalog.pg_class AS c WHERE c.oid = {} AND c.relpersistence = 'p' \
             AND (c.relkind = 'p' OR c.relkind = 'r' AND NOT EXISTS \
             (SELECT 1 FROM pg_catalog.pg_inherits WHERE inhparent = c.oid)))",
            regclass(table)
        ),
    }
}

/// Returns whether rows of it may be hidden from this role.
pub(super) fn is_hidden(backend: Engine, table: &str) -> Option<String> {
    match backend {
        Engine::Postgres => Some(format!("row_security_active({}::oid)", regclass(table))),
        Engine::MySql | Engine::Sqlite => None,
    }
}

/// Returns whether a foreign key can refer to this column alone.
pub(super) fn is_key(backend: Engine, table: &str, column: &str) -> String {
    let name = sql::literal(backend, table);
    let column_name = sql::literal(backend, column);
    match backend {
        Engine::MySql => format!(
            "EXISTS (SELECT 1 FROM information_schema.statistics \
             WHERE table_schema = DATABASE() AND table_name = {name} AND non_unique = 0 GROUP BY index_name \
             HAVING count(*) = 1 AND max(sub_part) IS NULL AND max(lower(column_name)) = {})",
            lower(backend, column)
        ),
        Engine::Sqlite => {
            let lower = lower(backend, column);
            format!(
                "((SELECT coalesce(group_concat(lower(name)), '') FROM pragma_table_info({name}) WHERE pk > 0) = {lower} \
                 OR EXISTS (SELECT 1 FROM pragma_index_list({name}) AS keys WHERE keys.\"unique\" AND NOT keys.partial \
                 AND (SELECT group_concat(lower(coalesce(name, ''))) FROM pragma_index_info(keys.name)) = {lower}))"
            )
        }
        Engine::Postgres => format!(
            "EXISTS (SELECT 1 FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_attribute AS a \
             ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
             WHERE i.indrelid = {} AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL \
             AND i.indnkeyatts = 1 AND a.attname = {column_name})",
            regclass(table)
        ),
    }
}

/// Returns whether the application's table has the column as it is required.
pub(super) fn has_required_column(backend: Engine, table: &Table, column: &Column) -> String {
    let (name, column_name) = (
        sql::literal(backend, &table.name),
        sql::literal(backend, &column.name),
    );
    match backend {
        Engine::MySql => format!(
            "EXISTS (SELECT 1 FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = {name} AND column_name = {column_name} AND {})",
            of_type_of_mysql(column.kind)
        ),
        Engine::Sqlite => column_of_sqlite(
            &table.name,
            &column.name,
            &format!(" AND {}", of_type_of_sqlite(column)),
        ),
        // The type itself is compared: a domain over it is another type.
        Engine::Postgres => format!(
            "EXISTS (SELECT 1 FROM pg_catalog.pg_attribute \
             WHERE attrelid = {} AND attname = {column_name} AND NOT attisdropped \
             AND {})",
            regclass(&table.name),
            of_type_of_postgres(column.kind)
        ),
    }
}

/// Returns the condition for a row of `pg_attribute`. The modifier of a type is its length plus
/// four, or its precision and scale plus four.
fn of_type_of_postgres(kind: Type) -> String {
    let (name, modifier) = match kind {
        Type::Integer { bits: 16, .. } => ("int2", None),
        Type::Integer { bits: 64, .. } => ("int8", None),
        Type::Integer { .. } => ("int4", None),
        Type::Text {
            length: Length::Characters(length),
            ..
        } => ("varchar", Some(length + 4)),
        Type::Text { .. } => ("text", None),
        Type::Boolean => ("bool", None),
        Type::Float { bits: 32 } => ("float4", None),
        Type::Float { .. } => ("float8", None),
        Type::Decimal { precision, scale } => ("numeric", Some((precision << 16 | scale) + 4)),
        Type::Bytes { .. } => ("bytea", None),
        Type::Date => ("date", None),
        Type::Timestamp { zone: false } => ("timestamp", None),
        Type::Timestamp { zone: true } => ("timestamptz", None),
        Type::Uuid => ("uuid", None),
        Type::Json { binary: false } => ("json", None),
        Type::Json { binary: true } => ("jsonb", None),
        // No column is declared with these types.
        Type::Serial | Type::Other => return "TRUE".to_owned(),
    };
    let modifier = modifier.map(|modifier| format!(" AND atttypmod = {modifier}"));
    format!(
        "atttypid = 'pg_catalog.{name}'::regtype{}",
        modifier.unwrap_or_default()
    )
}

/// Returns the condition for a row of `information_schema.columns`.
fn of_type_of_mysql(kind: Type) -> String {
    const ANY_CHARACTER: &str = "character_set_name = 'utf8mb4'";
    match kind {
        Type::Integer { .. } => format!(
            "data_type = '{}' AND column_type NOT LIKE '%unsigned%'",
            kind.spelled(Engine::MySql)
        ),
        Type::Text {
            length: Length::Characters(length),
            ..
        } => format!(
            "data_type = 'varchar' AND character_maximum_length = {length} AND {ANY_CHARACTER}"
        ),
        Type::Text { .. } => format!("data_type = 'longtext' AND {ANY_CHARACTER}"),
        Type::Boolean => "data_type = 'tinyint'".to_owned(),
        Type::Decimal { precision, scale } => format!(
            "data_type = 'decimal' AND numeric_precision = {precision} AND numeric_scale = {scale}"
        ),
        Type::Uuid => "data_type = 'binary' AND character_maximum_length = 16".to_owned(),
        // MariaDB turns JSON into this.
        Type::Json { .. } => {
            format!("(data_type = 'json' OR data_type = 'longtext' AND {ANY_CHARACTER})")
        }
        Type::Float { .. } | Type::Bytes { .. } | Type::Date | Type::Timestamp { .. } => {
            format!("data_type = '{}'", kind.spelled(Engine::MySql))
        }
        // No column is declared with these types.
        Type::Serial | Type::Other => "TRUE".to_owned(),
    }
}

/// Returns the condition for a row of `pragma_table_info`.
fn of_type_of_sqlite(column: &Column) -> String {
    const NAME: &str = "upper(trim(substr(type, 1, instr(type || '(', '(') - 1)))";
    const INTEGER: &str = "'INTEGER', 'INT', 'INT4'";
    // SQLite numbers only INTEGER, which holds 64 bits.
    let is_numbered = matches!(column.filled, Filled::AutoIncrement { .. });
    let names = match column.kind {
        Type::Integer { .. } if is_numbered => INTEGER,
        Type::Integer { bits: 16, .. } => "'SMALLINT', 'INT2'",
        Type::Integer { bits: 64, .. } => "'BIGINT', 'INT8'",
        Type::Integer { .. } => INTEGER,
        Type::Text {
            length: Length::Characters(length),
            ..
        } => return format!("replace(upper(type), ' ', '') LIKE '%CHAR%({length})'"),
        Type::Text { .. } => "'TEXT'",
        Type::Boolean => "'BOOLEAN', 'BOOL'",
        Type::Float { .. } | Type::Decimal { .. } => {
            "'FLOAT', 'DOUBLE', 'DOUBLE PRECISION', 'REAL', 'DECIMAL', 'NUMERIC'"
        }
        Type::Bytes { .. } => "'BLOB'",
        Type::Date => "'DATE', 'DATE_TEXT'",
        Type::Timestamp { zone: false } => {
            "'DATETIME', 'DATETIME_TEXT', 'TIMESTAMP', 'TIMESTAMP_TEXT'"
        }
        Type::Timestamp { zone: true } => "'TIMESTAMP_WITH_TIMEZONE_TEXT'",
        Type::Uuid => "'UUID', 'UUID_TEXT'",
        Type::Json { .. } => "'JSON', 'JSON_TEXT', 'JSONB', 'JSONB_TEXT'",
        // No column is declared with these types.
        Type::Serial | Type::Other => return "TRUE".to_owned(),
    };
    format!("{NAME} IN ({names})")
}

/// Returns whether a table has a column, on SQLite only.
pub(super) fn has_column(table: &str, column: &str) -> String {
    column_of_sqlite(table, column, "")
}

fn column_of_sqlite(table: &str, column: &str, and: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM pragma_table_info({}) WHERE lower(name) = {}{and})",
        sql::literal(Engine::Sqlite, table),
        lower(Engine::Sqlite, column)
    )
}

/// Returns whether this table has an index, on SQLite only.
pub(super) fn has_index(table: &str, index: &str) -> String {
    index_of_sqlite(index, "=", table)
}

/// Returns whether an index of another table has the name of one of this table, on SQLite only.
pub(super) fn is_taken(table: &str, index: &str) -> String {
    index_of_sqlite(index, "<>", table)
}

fn index_of_sqlite(index: &str, compares: &str, table: &str) -> String {
    let (index, table) = (lower(Engine::Sqlite, index), lower(Engine::Sqlite, table));
    format!(
        "EXISTS (SELECT 1 FROM sqlite_schema \
         WHERE lower(name) = {index} AND lower(tbl_name) {compares} {table})"
    )
}

/// Returns whether other tables refer to the table. SQLite would delete their rows, and MySQL may
/// leave them with a key to a missing table; PostgreSQL is treated alike.
pub(super) fn is_referred_to(backend: Engine, table: &str, dropped: &[Dropped<'_>]) -> String {
    let name = sql::literal(backend, table);
    let referrers = match backend {
        Engine::MySql => format!(
            "SELECT 1 FROM information_schema.key_column_usage \
             WHERE referenced_table_schema = DATABASE() AND referenced_table_name = {name} \
               AND table_schema NOT IN {SYSTEM_DATABASES}"
        ),
        Engine::Sqlite => format!(
            "SELECT 1 FROM sqlite_schema AS tables, pragma_foreign_key_list(tables.name) AS keys \
             WHERE tables.type = 'table' AND lower(keys.\"table\") = {}",
            lower(backend, table)
        ),
        Engine::Postgres => format!(
            "SELECT 1 FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = {}",
            regclass(table)
        ),
    };
    let is_other = |than: &str| match backend {
        Engine::MySql => format!(
            "(table_schema <> DATABASE() OR table_name <> {})",
            sql::literal(backend, than)
        ),
        Engine::Sqlite => format!("lower(tables.name) <> {}", lower(backend, than)),
        // There may be no table of that name.
        Engine::Postgres => format!("conrelid IS DISTINCT FROM {}", regclass(than)),
    };
    let dropped = dropped.iter().map(|Dropped { referrer, recorded }| {
        format!(" AND ({} OR NOT {recorded})", is_other(referrer))
    });
    let dropped: String = dropped.collect();
    format!("EXISTS ({referrers} AND {}{dropped})", is_other(table))
}

/// Returns a table of PostgreSQL's search path, NULL if there is none.
pub(super) fn regclass(table: &str) -> String {
    let quoted = sql::identifier(Engine::Postgres, table);
    format!("to_regclass({})", sql::literal(Engine::Postgres, &quoted))
}

/// Returns whether a required table may be created where the script is applied.
pub(super) fn is_where_required_is_made(backend: Engine, create: &CreateRequired) -> String {
    match (create, backend) {
        (CreateRequired::Nowhere, _) => "1 = 0".to_owned(),
        (CreateRequired::Anywhere, _) => "1 = 1".to_owned(),
        (CreateRequired::In(name), Engine::MySql) => {
            format!(
                "DATABASE() = CONVERT(x'{}' USING utf8mb4)",
                hexadecimal(name)
            )
        }
        (CreateRequired::In(name), Engine::Sqlite) => {
            let file = full_path(Path::new(name)).to_string_lossy().into_owned();
            format!(
                "(SELECT file FROM pragma_database_list WHERE name = 'main') = CAST(x'{}' AS text)",
                hexadecimal(&file)
            )
        }
        (CreateRequired::In(name), _) => format!(
            "current_database() = convert_from(decode('{}', 'hex'), 'UTF8')",
            hexadecimal(name)
        ),
    }
}

/// Returns a text in which no character is special to any engine.
fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a name as `lower` returns it.
fn lower(backend: Engine, name: &str) -> String {
    sql::literal(backend, &name.to_ascii_lowercase())
}
