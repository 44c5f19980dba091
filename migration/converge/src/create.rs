//! Statements that create what is declared, made with SeaQuery's builders in the form that each
//! engine needs.
use sea_query::{
    Alias, ColumnDef, Expr, ForeignKey as ForeignKeyStatement, ForeignKeyAction,
    ForeignKeyCreateStatement, Index as IndexStatement, IndexCreateStatement,
    Table as TableStatement, TableCreateStatement,
};

use crate::{
    engine::Engine,
    model::{Column, Filled, ForeignKey, Index, Table},
    sql,
    types::{Length, Type},
};

/// Returns the statement that creates a table with its primary key and these foreign keys, and on
/// MySQL with its indexes too: there each statement commits, and a foreign key without an index
/// creates one of another name.
pub(crate) fn table(
    backend: Engine,
    table: &Table,
    primary_key: &[String],
    foreign_keys: &[ForeignKey],
) -> TableCreateStatement {
    let mut create = TableStatement::create();
    create.table(Alias::new(&table.name));
    let is_alone = |column: &Column| primary_key == [column.name.clone()];
    for declared in &table.columns {
        let mut column = column(backend, declared);
        if is_alone(declared) {
            column.primary_key();
        }
        create.col(column);
    }
    if primary_key.len() > 1 {
        let mut key = IndexStatement::create();
        for column in primary_key {
            key.col(Alias::new(column));
        }
        create.primary_key(&mut key);
    }
    for key in foreign_keys {
        create.foreign_key(&mut foreign_key(backend, &table.name, key));
    }
    if backend == Engine::MySql {
        for declared in &table.indexes {
            create.index(&mut index_over(backend, declared));
        }
        // MySQL's defaults for both belong to the server, and storage engines other than InnoDB
        // ignore foreign keys.
        create.engine("InnoDB").character_set("utf8mb4");
        if is_beyond_older_formats(table, primary_key) {
            create.extra(DYNAMIC_ROWS);
        }
    }
    create
}

/// The row format of InnoDB that allows the largest indexes. The default belongs to the server.
pub const DYNAMIC_ROWS: &str = "ROW_FORMAT=DYNAMIC";

/// Returns whether a column of the keys may be larger than the older row formats of InnoDB allow.
fn is_beyond_older_formats(table: &Table, primary_key: &[String]) -> bool {
    const BYTES_IN_OLDER_FORMATS: u32 = 767;
    const BYTES_OF_A_CHARACTER: u32 = 4;
    let is_large = |name: &String| match table.column(name).map(|column| column.kind) {
        Some(Type::Text {
            length: Length::Characters(most),
            ..
        }) => most.saturating_mul(BYTES_OF_A_CHARACTER) > BYTES_IN_OLDER_FORMATS,
        Some(_) | None => false,
    };
    let indexed = table.indexes.iter().flat_map(|index| &index.columns);
    primary_key.iter().chain(indexed).any(is_large)
}

/// Returns a column as a statement defines it, without a key.
pub(crate) fn column(backend: Engine, declared: &Column) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(&declared.name));
    match (&declared.filled, backend) {
        // `integer().auto_increment()` is an IDENTITY column in sea-query 1.0, and the feature that
        // makes it SERIAL would change every other table in the build.
        (Filled::AutoIncrement { .. }, Engine::Postgres) => {
            column.custom(Alias::new(serial(declared.kind)));
        }
        // Only INTEGER becomes the rowid.
        (Filled::AutoIncrement { .. }, Engine::Sqlite) => {
            column.integer().auto_increment();
        }
        (Filled::AutoIncrement { .. }, Engine::MySql) => {
            let spelled = declared.kind.spelled(backend);
            column.custom(Alias::new(spelled)).auto_increment();
        }
        (Filled::ByDefault | Filled::Generated, _) => {
            column.custom(Alias::new(declared.kind.spelled(backend)));
        }
    }
    match (declared.nullable, declared.kind, backend) {
        // A server may give a TIMESTAMP without a default the time of each later change.
        (false, Type::Timestamp { zone: true }, Engine::MySql) => {
            column.not_null().default(Expr::current_timestamp());
        }
        (false, ..) => {
            column.not_null();
        }
        // MariaDB makes a TIMESTAMP without further words NOT NULL with a default.
        (true, Type::Timestamp { .. }, Engine::MySql) => {
            column.null();
        }
        (true, ..) => {}
    }
    column
}

fn serial(kind: Type) -> &'static str {
    match kind {
        Type::Integer { bits: 16, .. } => "smallserial",
        Type::Integer { bits: 64, .. } => "bigserial",
        _ => "serial",
    }
}

pub(crate) fn index(
    backend: Engine,
    table: &str,
    declared: &Index,
    name: &str,
) -> IndexCreateStatement {
    let named = Index {
        name: name.to_owned(),
        ..declared.clone()
    };
    index_over(backend, &named).table(Alias::new(table)).take()
}

fn index_over(backend: Engine, declared: &Index) -> IndexCreateStatement {
    let mut index = IndexStatement::create();
    index.name(sql::within_quotes(backend, &declared.name));
    for column in &declared.columns {
        index.col(Alias::new(column));
    }
    if declared.is_unique {
        index.unique();
    }
    index
}

/// Returns the statement of a foreign key under the name that it has.
pub(crate) fn foreign_key(
    backend: Engine,
    table: &str,
    key: &ForeignKey,
) -> ForeignKeyCreateStatement {
    let mut create = ForeignKeyStatement::create();
    create.name(sql::within_quotes(
        backend,
        key.name.as_deref().unwrap_or_default(),
    ));
    for (column, reference) in key.columns.iter().zip(&key.references) {
        create
            .from(Alias::new(table), Alias::new(column))
            .to(Alias::new(&key.table), Alias::new(reference));
    }
    match key.on_delete.as_str() {
        "CASCADE" => create.on_delete(ForeignKeyAction::Cascade),
        "RESTRICT" => create.on_delete(ForeignKeyAction::Restrict),
        "SET NULL" => create.on_delete(ForeignKeyAction::SetNull),
        "SET DEFAULT" => create.on_delete(ForeignKeyAction::SetDefault),
        _ => &mut create,
    };
    create
}
