//! The questions of the guards, as conditions in SQL.

use std::path::Path;

use crate::{
    CreateRequired,
    engine::Engine,
    full_path,
    model::{Column, Filled, Table, Type},
    sql,
};

/// A table whose foreign keys to another one are dropped where a migration is recorded.
pub(super) struct Dropped<'t> {
    pub(super) referrer: &'t str,
    /// The condition that it is.
    pub(super) recorded: String,
}

pub(super) fn has_table(backend: Engine, table: &str) -> String {
    let tables = match backend {
        Engine::MySql => {
            "SELECT 1 FROM (SELECT table_name AS name FROM information_schema.tables \
             WHERE table_schema = DATABASE()) AS found WHERE TRUE"
        }
        Engine::Sqlite => {
            "SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
        Engine::Postgres => {
            "SELECT 1 FROM (SELECT table_name AS name FROM information_schema.tables \
             WHERE table_schema = current_schema()) AS found WHERE TRUE"
        }
    };
    format!(
        "EXISTS ({tables} AND lower(name) = {})",
        lower(backend, table)
    )
}

/// The column as it is required of the application's table.
pub(super) fn has_required_column(backend: Engine, table: &Table, column: &Column) -> String {
    let columns = match backend {
        Engine::MySql => "SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()",
        Engine::Sqlite => return has_required_column_of_sqlite(table, column),
        Engine::Postgres => {
            "SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema()"
        }
    };
    let spelled = column.kind.spelled(backend);
    let of_type = match (column.kind, backend) {
        (Type::Integer { .. }, Engine::MySql) => {
            format!(" AND data_type = '{spelled}' AND column_type NOT LIKE '%unsigned%'")
        }
        (Type::Integer { .. }, _) => format!(" AND data_type = '{spelled}'"),
        _ => String::new(),
    };
    format!(
        "EXISTS ({columns} AND table_name = {} AND column_name = {}{of_type})",
        sql::literal(backend, &table.name),
        sql::literal(backend, &column.name)
    )
}

fn has_required_column_of_sqlite(table: &Table, column: &Column) -> String {
    let key = match table.primary_key.as_slice() {
        [key] if *key == column.name => " AND pk = 1",
        _ => "",
    };
    // It numbers no other type than INTEGER, and that holds 64 bits.
    let is_numbered = matches!(column.filled, Filled::AutoIncrement { .. });
    let types = match column.kind {
        Type::Integer { bits: 16, .. } if !is_numbered => "'SMALLINT', 'INT2'",
        Type::Integer { bits: 64, .. } if !is_numbered => "'BIGINT', 'INT8'",
        Type::Integer { .. } => "'INTEGER', 'INT'",
        _ => "",
    };
    let of_type = match types {
        "" => String::new(),
        types => format!(" AND upper(type) IN ({types})"),
    };
    column_of_sqlite(&table.name, &column.name, &format!("{key}{of_type}"))
}

/// SQLite only.
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

/// SQLite only: an index of this table.
pub(super) fn has_index(table: &str, index: &str) -> String {
    index_of_sqlite(index, "=", table)
}

/// SQLite only: an index of another table with the name of one of this.
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

/// SQLite would delete what refers to the table, and MySQL may leave it behind; PostgreSQL says the same.
pub(super) fn is_referred_to(backend: Engine, table: &str, dropped: &[Dropped<'_>]) -> String {
    let name = sql::literal(backend, table);
    let referrers = match backend {
        Engine::MySql => format!(
            "SELECT 1 FROM information_schema.key_column_usage \
             WHERE referenced_table_schema = DATABASE() AND referenced_table_name = {name}"
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
        // There may be none of that name.
        Engine::Postgres => format!("conrelid IS DISTINCT FROM {}", regclass(than)),
    };
    let dropped = dropped.iter().map(|Dropped { referrer, recorded }| {
        format!(" AND ({} OR NOT {recorded})", is_other(referrer))
    });
    let dropped: String = dropped.collect();
    format!("EXISTS ({referrers} AND {}{dropped})", is_other(table))
}

/// PostgreSQL: a table of the search path, NULL where there is none.
pub(super) fn regclass(table: &str) -> String {
    let quoted = sql::identifier(Engine::Postgres, table);
    format!("to_regclass({})", sql::literal(Engine::Postgres, &quoted))
}

/// Whether a required table may be made where the script is applied.
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

/// A text in which nothing is special to any dialect.
fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A name as `lower` returns it.
fn lower(backend: Engine, name: &str) -> String {
    sql::literal(backend, &name.to_ascii_lowercase())
}
