//! The statements of `up` and `down` as a text that somebody applies by hand, made without a database.
//!
//! Each dialect does a part only where its record says that it is due, and a table that is there without
//! a record stops the script: what it looks like, only `up` can see.

mod mysql;
mod postgres;
mod sqlite;

use sea_orm::DbBackend;
use sea_orm_migration::MigrationTrait;

use crate::{
    Error, Migrator, MigratorTrait,
    schema::{
        declared::{self, IX_VECTORS_DOC_ID, VECTORS_DOC_ID_FKEY},
        difference::Scope,
    },
};

/// What a script does, and with how many migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The first ones: all, or this many.
    Up(Option<u32>),
    /// The last ones.
    Down(u32),
}

/// One migration's share.
struct Part {
    migration: String,
    scope: Scope,
}

/// The script for a database that is empty (up), or that its opposite has been applied to (down).
pub(crate) fn script(
    backend: DbBackend,
    schema: &str,
    direction: Direction,
) -> Result<String, Error> {
    let parts = parts(direction)?;
    let statements = match (backend, direction) {
        (DbBackend::MySql, Direction::Up(_)) => mysql::up(&parts),
        (DbBackend::MySql, Direction::Down(_)) => mysql::down(&parts),
        (DbBackend::Sqlite, Direction::Up(_)) => sqlite::up(&parts),
        (DbBackend::Sqlite, Direction::Down(_)) => sqlite::down(&parts),
        (_, Direction::Up(_)) => postgres::up(schema, &parts),
        (_, Direction::Down(_)) => postgres::down(schema, &parts),
    };
    Ok(head(backend, direction) + &statements.join("\n") + "\n")
}

fn parts(direction: Direction) -> Result<Vec<Part>, Error> {
    let part = |migration: Box<dyn MigrationTrait>| {
        let migration = migration.name().to_owned();
        match Scope::of_migration(&migration) {
            Some(scope) => Ok(Part { migration, scope }),
            None => Err(Error::Unscripted { migration }),
        }
    };
    let limit = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let all = Migrator::migrations().into_iter();
    match direction {
        Direction::Up(count) => all
            .take(limit(count.unwrap_or(u32::MAX)))
            .map(part)
            .collect(),
        Direction::Down(count) => all.rev().take(limit(count)).map(part).collect(),
    }
}

fn head(backend: DbBackend, direction: Direction) -> String {
    let apply = match backend {
        DbBackend::MySql => "mariadb DATABASE < FILE",
        DbBackend::Sqlite => "sqlite3 DATABASE < FILE",
        _ => "psql -v ON_ERROR_STOP=1 -f FILE DATABASE",
    };
    let what = match direction {
        Direction::Up(_) => {
            "-- Makes the table vectors in an empty database. What is recorded as done is not done again.\n\
             -- A table vectors that no migration has made stops it: `migration up` converges that."
        }
        Direction::Down(_) => {
            "-- Takes migrations of the table vectors back, with the table and its rows where it takes back\n\
             -- the one that has made it. What is not recorded as done is not taken back."
        }
    };
    format!("{what}\n-- Apply it with: {apply}\n")
}

/// Whether the part is recorded, as a condition in SQL.
fn is_recorded(migration: &str) -> String {
    let records = Migrator::migration_table_name().to_string();
    format!("EXISTS (SELECT 1 FROM {records} WHERE version = '{migration}')")
}

/// What makes the part where it is not, but for how PostgreSQL stores it. `documents` may be the
/// application's, and stays when the migrations are taken back.
fn creation(backend: DbBackend, part: &Part) -> Vec<String> {
    match part.scope {
        Scope::Documents => {
            let mut documents = declared::create_documents(backend);
            vec![backend.build(documents.if_not_exists()).sql]
        }
        Scope::Vectors => {
            let mut table = declared::create_vectors(backend, VECTORS_DOC_ID_FKEY);
            let mut index = declared::create_index(IX_VECTORS_DOC_ID);
            match backend {
                // Its table has it already.
                DbBackend::MySql => return vec![backend.build(&table).sql],
                DbBackend::Sqlite => {
                    table.if_not_exists();
                    index.if_not_exists();
                }
                _ => {}
            }
            vec![backend.build(&table).sql, backend.build(&index).sql]
        }
        Scope::Everything => Vec::new(),
    }
}

/// What takes the part away, but for how PostgreSQL stores it.
fn removal(backend: DbBackend, part: &Part) -> Vec<String> {
    match part.scope {
        Scope::Vectors => vec![backend.build(&declared::drop_vectors()).sql],
        Scope::Documents | Scope::Everything => Vec::new(),
    }
}
