//! Reads the rows of `vectors`, their texts as bytes: one that is not UTF-8 is a finding, and no failure of the query.

use futures_util::{StreamExt, stream::BoxStream};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryResult,
    QuerySelect, QueryTrait, Statement, StreamTrait, TryGetError, TryGetable, sea_query::Expr,
};

use super::{Fault, Row};
use crate::{documents, operations::without_pages, vectors};

pub(super) const VECTOR_IDS: &str = "vectors.vector_ids";

/// A row as it was read.
pub(super) struct RawRow {
    pub(super) row: Row,
    /// What cannot be read of it already.
    pub(super) text: Result<Vec<u8>, Fault>,
}

/// How a text comes from the database.
#[derive(Clone, Copy)]
pub(super) enum Texts {
    /// As bytes of UTF-8, where it is a text.
    Bytes,
    /// PostgreSQL knows no encoding of it, and hands over as a text only what is UTF-8.
    WithoutEncoding,
    /// SQLite keeps it in UTF-16, and hands over UTF-8 where a text is asked for: whatever it is, that can be read.
    Utf16,
}

impl Texts {
    pub(super) async fn of(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let backend = db.get_database_backend();
        let ask = match backend {
            DbBackend::Postgres => "SELECT pg_catalog.current_setting('server_encoding')",
            DbBackend::Sqlite => "PRAGMA encoding",
            _ => return Ok(Self::Bytes),
        };
        let answer = db
            .query_one_raw(Statement::from_string(backend, ask))
            .await?;
        let encoding: Option<String> = match answer {
            Some(row) => row.try_get_by_index(0)?,
            None => None,
        };
        Ok(match (backend, encoding.as_deref()) {
            (DbBackend::Postgres, Some("SQL_ASCII")) => Self::WithoutEncoding,
            (DbBackend::Sqlite, Some("UTF-16le" | "UTF-16be")) => Self::Utf16,
            _ => Self::Bytes,
        })
    }
}

/// Reads all rows, or those of one document.
pub(super) async fn stream<'db, C>(
    db: &'db C,
    texts: Texts,
    doc_id: Option<i32>,
) -> Result<BoxStream<'db, Result<RawRow, DbErr>>, DbErr>
where
    C: StreamTrait,
{
    let backend = db.get_database_backend();
    let text = Expr::cust(match (backend, texts) {
        (_, Texts::WithoutEncoding) => "pg_catalog.convert_to(vector_ids::text, 'SQL_ASCII')",
        // In the client's encoding, as a text would be sent.
        (DbBackend::Postgres, _) => "pg_catalog.textsend(vector_ids::text)",
        (_, Texts::Utf16) => "CAST(vector_ids AS TEXT)",
        (DbBackend::Sqlite, Texts::Bytes) => "CAST(vector_ids AS BLOB)",
        // The driver hands over the bytes of a text, which the server has converted to UTF-8.
        _ => "vector_ids",
    });
    let mut rows = vectors::Entity::find()
        .select_only()
        .column(vectors::Column::Id)
        .column(vectors::Column::DocId)
        .column(vectors::Column::Page)
        .expr(text);
    if let Some(doc_id) = doc_id {
        rows = rows.filter(vectors::Column::DocId.eq(doc_id));
    }
    let rows = db.stream(rows.as_query()).await?;
    Ok(rows
        .map(move |row| row.map(|row| read(&row, texts)))
        .boxed())
}

fn read(row: &QueryResult, texts: Texts) -> RawRow {
    let (id, doc_id, page) = (
        number(row, 0, "vectors.id"),
        number(row, 1, "vectors.doc_id"),
        number(row, 2, "vectors.page"),
    );
    let known = |number: &Result<i32, Fault>| number.as_ref().ok().copied();
    let place = Row {
        id: known(&id),
        doc_id: known(&doc_id),
        page: known(&page),
    };
    let text = match texts {
        Texts::Bytes | Texts::WithoutEncoding => value::<Vec<u8>>(row, 3, VECTOR_IDS, "a text"),
        Texts::Utf16 => value::<String>(row, 3, VECTOR_IDS, "a text").map(String::into_bytes),
    };
    let text = doc_id.and(page).and(text);
    RawRow { row: place, text }
}

fn number(row: &QueryResult, at: usize, column: &'static str) -> Result<i32, Fault> {
    value(row, at, column, "a 32-bit integer")
}

fn value<T: TryGetable>(
    row: &QueryResult,
    at: usize,
    column: &'static str,
    expected: &'static str,
) -> Result<T, Fault> {
    T::try_get_by(row, at).map_err(|error| Fault {
        column,
        at: 0,
        expected,
        found: match error {
            TryGetError::Null(_) => "NULL".to_owned(),
            TryGetError::DbErr(error) => error.to_string(),
        },
    })
}

/// Reads the documents that have no page, of all or of one.
pub(super) async fn documents_without_pages<'db, C>(
    db: &'db C,
    doc_id: Option<i32>,
) -> Result<BoxStream<'db, Result<i32, DbErr>>, DbErr>
where
    C: StreamTrait,
{
    let mut documents = without_pages();
    if let Some(doc_id) = doc_id {
        documents = documents.filter(documents::Column::Id.eq(doc_id));
    }
    let rows = db.stream(documents.as_query()).await?;
    Ok(rows.map(|row| row?.try_get("", "id")).boxed())
}
