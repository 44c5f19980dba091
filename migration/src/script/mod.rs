//! The statements of `up` and `down` as a text that somebody applies by hand, made without a database.
//!
//! Each dialect does a part only where its record says that it is due, and a table that is there without
//! a record stops the script: what it looks like, only `up` can see.

mod mysql;
mod postgres;
mod sqlite;

use std::path::Path;

use sea_orm::DbBackend;
use sea_orm_migration::MigrationTrait;

use crate::{
    CreateDocuments, Error, Migrator, MigratorTrait,
    create_documents::full,
    schema::{
        declared::{self, DOCUMENTS, IX_VECTORS_DOC_ID, VECTORS, VECTORS_DOC_ID_FKEY},
        difference::Scope,
        step::documents,
    },
    session::Settings,
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
    /// What makes it where it is not, but for how PostgreSQL stores it.
    creation: Vec<String>,
}

/// The script for a database without `vectors` (up), or that its opposite has been applied to (down).
pub(crate) fn script(
    backend: DbBackend,
    settings: &Settings,
    direction: Direction,
) -> Result<String, Error> {
    let records = &settings.records;
    records.require_usable(backend)?;
    records.require_scriptable(backend)?;
    let schema = settings.schema.as_deref().unwrap_or("public");
    let parts = parts(backend, settings, direction)?;
    let guards = guards(backend, settings, direction, &parts);
    let statements = match (backend, direction) {
        (DbBackend::MySql, Direction::Up(_)) => mysql::up(records, &guards, &parts),
        (DbBackend::MySql, Direction::Down(_)) => mysql::down(records, &guards, &parts),
        (DbBackend::Sqlite, Direction::Up(_)) => sqlite::up(records, &guards, &parts),
        (DbBackend::Sqlite, Direction::Down(_)) => sqlite::down(records, &guards, &parts),
        (_, Direction::Up(_)) => postgres::up(schema, records, &guards, &parts),
        (_, Direction::Down(_)) => postgres::down(schema, records, &guards, &parts),
    };
    Ok(head(backend, direction) + &statements.join("\n") + "\n")
}

fn parts(
    backend: DbBackend,
    settings: &Settings,
    direction: Direction,
) -> Result<Vec<Part>, Error> {
    let part = |migration: Box<dyn MigrationTrait>| {
        let migration = migration.name().to_owned();
        match Scope::of_migration(&migration) {
            Some(scope) => Ok(Part {
                migration,
                scope,
                creation: match (scope, &settings.create_documents) {
                    (Scope::Documents, CreateDocuments::Nowhere) => Vec::new(),
                    _ => creation(backend, scope),
                },
            }),
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
        DbBackend::MySql => {
            "mariadb DATABASE < FILE\n\
             -- Each statement commits: where this was cut short between a table and its record, `migration up`\n\
             -- goes on, or drop the empty table and apply this again."
        }
        DbBackend::Sqlite => "sqlite3 DATABASE < FILE",
        _ => "psql -v ON_ERROR_STOP=1 -f FILE DATABASE",
    };
    let what = match direction {
        Direction::Up(_) => {
            "-- Makes the table vectors beside documents. What is recorded as done is not done again.\n\
             -- A table vectors that no migration has made stops it: `migration up` converges that."
        }
        Direction::Down(_) => {
            "-- Takes migrations of the table vectors back, with the table and its rows where it takes back\n\
             -- the one that has made it. What is not recorded as done is not taken back; documents stays."
        }
    };
    format!("{what}\n-- Apply it with: {apply}\n")
}

/// Where a script would go wrong, and so stops: a condition in SQL, and what is said then in 64 letters at
/// most, the length of a name in MySQL.
struct Guard {
    condition: String,
    message: &'static str,
}

fn guards(
    backend: DbBackend,
    settings: &Settings,
    direction: Direction,
    parts: &[Part],
) -> Vec<Guard> {
    let records = &settings.records;
    let catalog = Catalog::of(backend);
    let known = Migrator::migrations();
    let known: Vec<&str> = known.iter().map(|one| one.name()).collect();
    let mut guards = vec![Guard {
        condition: records.has_others(backend, &known),
        message: "a later release or another migrator was here: see migration up",
    }];
    for part in parts {
        let due = format!("NOT {}", records.has(backend, &part.migration));
        match (direction, part.scope) {
            (Direction::Up(_), Scope::Documents) => guards.extend([
                Guard {
                    condition: format!(
                        "NOT {} AND (NOT {due} OR {})",
                        catalog.has(DOCUMENTS),
                        catalog.has(VECTORS)
                    ),
                    message: "documents has been there and is gone: see migration check",
                },
                Guard {
                    condition: format!(
                        "{due} AND NOT {} AND NOT ({})",
                        catalog.has(DOCUMENTS),
                        may_create_documents(backend, &settings.create_documents)
                    ),
                    message: "there is no table documents: start the application first",
                },
                Guard {
                    condition: format!("{due} AND {}", catalog.documents_unfit),
                    message: "documents.id is not a 32-bit integer: migration check tells",
                },
            ]),
            (Direction::Up(_), Scope::Vectors) => {
                guards.push(Guard {
                    condition: format!("{due} AND {}", catalog.has(VECTORS)),
                    message: "vectors is there, but not recorded: use migration up",
                });
                guards.extend(catalog.name_taken.map(|taken| Guard {
                    condition: format!("EXISTS ({taken})"),
                    message: "another table has the index ix_vectors_doc_id: rename that",
                }));
            }
            (Direction::Down(_), Scope::Vectors) => {
                guards.push(Guard {
                    condition: format!("EXISTS ({})", catalog.referrers),
                    message: "another table refers to vectors: drop that key first",
                });
            }
            (_, Scope::Everything) | (Direction::Down(_), Scope::Documents) => {}
        }
    }
    guards
}

/// How the questions of the guards are asked.
struct Catalog {
    /// The tables of the place, each with its `name`.
    tables: &'static str,
    documents_unfit: &'static str,
    /// SQLite makes no index where another table has one of its name, and says nothing.
    name_taken: Option<&'static str>,
    /// SQLite would delete what refers to the table, and MySQL may leave it behind; PostgreSQL says the same.
    referrers: &'static str,
}

impl Catalog {
    fn of(backend: DbBackend) -> Self {
        match backend {
            DbBackend::MySql => Self {
                tables: "SELECT 1 FROM (SELECT table_name AS name FROM information_schema.tables \
                         WHERE table_schema = DATABASE()) AS found WHERE TRUE",
                documents_unfit: "EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() \
                                  AND table_name = 'documents' AND column_name = 'id' \
                                  AND (data_type <> 'int' OR column_type LIKE '%unsigned%'))",
                name_taken: None,
                referrers: "SELECT 1 FROM information_schema.key_column_usage \
                            WHERE referenced_table_schema = DATABASE() AND referenced_table_name = 'vectors' \
                            AND (table_schema <> DATABASE() OR table_name <> 'vectors')",
            },
            DbBackend::Sqlite => Self {
                tables: "SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                documents_unfit: "EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'documents') AND NOT EXISTS \
                                  (SELECT 1 FROM pragma_table_info('documents') \
                                  WHERE name = 'id' AND pk = 1 AND upper(type) IN ('INTEGER', 'INT'))",
                name_taken: Some(
                    "SELECT 1 FROM sqlite_schema \
                     WHERE lower(name) = 'ix_vectors_doc_id' AND lower(tbl_name) <> 'vectors'",
                ),
                referrers: "SELECT 1 FROM sqlite_schema AS tables, pragma_foreign_key_list(tables.name) AS keys \
                            WHERE tables.type = 'table' AND lower(keys.\"table\") = 'vectors' \
                            AND lower(tables.name) <> 'vectors'",
            },
            _ => Self {
                tables: "SELECT 1 FROM (SELECT table_name AS name FROM information_schema.tables \
                         WHERE table_schema = current_schema()) AS found WHERE TRUE",
                documents_unfit: "EXISTS (SELECT 1 FROM information_schema.columns \
                                  WHERE table_schema = current_schema() AND table_name = 'documents' \
                                  AND column_name = 'id' AND data_type <> 'integer')",
                name_taken: None,
                referrers: "SELECT 1 FROM pg_catalog.pg_constraint WHERE contype = 'f' \
                            AND confrelid = to_regclass('vectors') AND conrelid <> confrelid",
            },
        }
    }

    fn has(&self, table: &str) -> String {
        format!("EXISTS ({} AND lower(name) = '{table}')", self.tables)
    }
}

/// Whether `documents` may be made where the script is applied, as a condition in SQL.
fn may_create_documents(backend: DbBackend, create: &CreateDocuments) -> String {
    match (create, backend) {
        (CreateDocuments::Nowhere, _) => "1 = 0".to_owned(),
        (CreateDocuments::Anywhere, _) => "1 = 1".to_owned(),
        (CreateDocuments::In(name), DbBackend::MySql) => {
            format!(
                "DATABASE() = CONVERT(x'{}' USING utf8mb4)",
                hexadecimal(name)
            )
        }
        (CreateDocuments::In(name), DbBackend::Sqlite) => {
            let file = full(Path::new(name)).to_string_lossy().into_owned();
            format!(
                "(SELECT file FROM pragma_database_list WHERE name = 'main') = CAST(x'{}' AS text)",
                hexadecimal(&file)
            )
        }
        (CreateDocuments::In(name), _) => format!(
            "current_database() = convert_from(decode('{}', 'hex'), 'UTF8')",
            hexadecimal(name)
        ),
    }
}

/// A text in which nothing is special to any dialect.
fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn creation(backend: DbBackend, scope: Scope) -> Vec<String> {
    match scope {
        // The mark is for a table that is made here, and for no other.
        Scope::Documents if backend == DbBackend::Postgres => {
            let create = documents::create(backend).join(";\n    ");
            vec![format!(
                "IF to_regclass('documents') IS NULL THEN\n    {create};\n    END IF"
            )]
        }
        Scope::Documents => {
            let mut documents = declared::create_documents(backend);
            vec![backend.build(documents.if_not_exists()).sql]
        }
        Scope::Vectors => {
            let mut table = declared::create_vectors(backend, VECTORS_DOC_ID_FKEY);
            let mut index = declared::create_index(backend, IX_VECTORS_DOC_ID);
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

/// What takes the part away, but for how PostgreSQL stores it. `documents` stays: no script can see to it that
/// nobody writes to a table while it goes.
fn removal(backend: DbBackend, part: &Part) -> Vec<String> {
    match part.scope {
        Scope::Vectors => vec![backend.build(&declared::drop_vectors()).sql],
        Scope::Documents | Scope::Everything => Vec::new(),
    }
}
