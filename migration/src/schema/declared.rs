//! The declared shape, stated once.

use sea_orm::{DbBackend, DeriveIden};
use sea_query::{
    ColumnDef, ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, Index,
    IndexCreateStatement, Table, TableCreateStatement, TableDropStatement,
};

use super::live::ColumnKind;
use crate::sql;

pub(crate) const DOCUMENTS: &str = "documents";
pub(crate) const VECTORS: &str = "vectors";
/// The comment of a `documents` that these migrations have made.
pub(crate) const MADE_BY_US: &str = "made by m20250524_000000_create_documents";

pub(crate) const IX_VECTORS_DOC_ID: &str = "ix_vectors_doc_id";

/// The name that PostgreSQL itself gives the key where a script, like the Python application's, names none.
pub(crate) const VECTORS_DOC_ID_FKEY: &str = "vectors_doc_id_fkey";

pub(crate) const PRIMARY_KEY: [&str; 1] = ["id"];
pub(crate) const PRIMARY_KEY_DISTRIBUTED: [&str; 2] = ["doc_id", "id"];

/// The columns of `vectors` with their types; none may be NULL.
pub(crate) const COLUMNS: [(&str, ColumnKind); 4] = [
    ("id", ColumnKind::INTEGER),
    ("doc_id", ColumnKind::INTEGER),
    ("page", ColumnKind::INTEGER),
    ("vector_ids", ColumnKind::Text),
];

#[derive(DeriveIden)]
enum Documents {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum Vectors {
    Table,
    Id,
    DocId,
    Page,
    VectorIds,
}

/// What `vectors` needs of the application's table, where no application makes one. MySQL keeps the comment
/// of a table, SQLite the statement with what is written in it; PostgreSQL is told in a statement of its own.
pub(crate) fn create_documents(backend: DbBackend) -> TableCreateStatement {
    let mut id = auto_increment(backend, Documents::Id).primary_key().take();
    if backend == DbBackend::Sqlite {
        id.extra(format!("/* {MADE_BY_US} */"));
    }
    let mut table = Table::create();
    table.table(Documents::Table).col(id);
    if backend == DbBackend::MySql {
        table.comment(MADE_BY_US);
    }
    store_transactionally(backend, &mut table);
    table
}

/// The table with its foreign key of this name, and on MySQL with its index too: there each statement
/// commits, and a foreign key without an index makes one of another name.
pub(crate) fn create_vectors(backend: DbBackend, foreign_key: &str) -> TableCreateStatement {
    let mut id = auto_increment(backend, Vectors::Id);
    let mut table = vectors(backend, id.primary_key().take());
    table.foreign_key(&mut vectors_doc_id_fkey(backend, foreign_key));
    if backend == DbBackend::MySql {
        table.index(&mut index_on_doc_id(backend, IX_VECTORS_DOC_ID));
    }
    store_transactionally(backend, &mut table);
    table
}

/// The same before Citus distributes it by `doc_id`, which every key has to hold then; only after that
/// it takes a foreign key.
pub(crate) fn create_vectors_to_distribute() -> TableCreateStatement {
    let backend = DbBackend::Postgres;
    let mut primary_key = Index::create();
    for column in PRIMARY_KEY_DISTRIBUTED {
        primary_key.col(column);
    }
    vectors(backend, auto_increment(backend, Vectors::Id))
        .primary_key(&mut primary_key)
        .take()
}

fn vectors(backend: DbBackend, id: ColumnDef) -> TableCreateStatement {
    Table::create()
        .table(Vectors::Table)
        .col(id)
        .col(ColumnDef::new(Vectors::DocId).integer().not_null())
        .col(ColumnDef::new(Vectors::Page).integer().not_null())
        .col(unbounded_text(backend, Vectors::VectorIds).not_null())
        .take()
}

pub(crate) fn create_index(backend: DbBackend, name: &str) -> IndexCreateStatement {
    index_on_doc_id(backend, name).table(Vectors::Table).take()
}

pub(crate) fn drop_vectors() -> TableDropStatement {
    Table::drop().table(Vectors::Table).if_exists().take()
}

/// The foreign key, under the name of the one that it replaces, or one that is free.
pub(crate) fn vectors_doc_id_fkey(backend: DbBackend, name: &str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(sql::within_quotes(backend, name))
        .from(Vectors::Table, Vectors::DocId)
        .to(Documents::Table, Documents::Id)
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

fn index_on_doc_id(backend: DbBackend, name: &str) -> IndexCreateStatement {
    Index::create()
        .name(sql::within_quotes(backend, name))
        .col(Vectors::DocId)
        .take()
}

fn auto_increment(backend: DbBackend, name: impl sea_query::IntoIden) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        // `integer().auto_increment()` is an IDENTITY column in sea-query 1.0, and the feature that
        // makes it SERIAL would change every other table in the build.
        DbBackend::Postgres => column.custom("serial"),
        _ => column.integer().auto_increment(),
    };
    column.not_null().take()
}

fn unbounded_text(backend: DbBackend, name: impl sea_query::IntoIden) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        // MySQL's TEXT ends at 65,535 bytes, fewer than a page of 2,000 ids takes.
        DbBackend::MySql => column.custom("longtext"),
        _ => column.text(),
    };
    column
}

/// MySQL's defaults for both belong to the server, and other engines than InnoDB ignore foreign keys.
fn store_transactionally(backend: DbBackend, table: &mut TableCreateStatement) {
    if backend == DbBackend::MySql {
        table.engine("InnoDB").character_set("utf8mb4");
    }
}
