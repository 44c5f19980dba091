//! What has to be known of the rows before the shape around them may change.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::live::{list, rows};
use crate::Error;

/// Rows whose document does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Orphans {
    pub(crate) count: i64,
    /// The ids of a few, as text, with the document that each names.
    pub(crate) examples: Vec<(String, i64)>,
}

impl Orphans {
    pub(crate) const QUERY: &str = "SELECT v.id, v.doc_id FROM vectors v \
         LEFT JOIN documents d ON d.id = v.doc_id WHERE v.doc_id IS NOT NULL AND d.id IS NULL";
    const COUNT: &str = "SELECT count(*) FROM vectors v \
         LEFT JOIN documents d ON d.id = v.doc_id WHERE v.doc_id IS NOT NULL AND d.id IS NULL";
    pub(crate) const DELETE: &str = "DELETE FROM vectors WHERE doc_id IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = vectors.doc_id)";

    pub(crate) async fn find(db: &impl ConnectionTrait) -> Result<Option<Self>, Error> {
        let found = Self::try_find(db).await;
        found.map_err(Error::looking_for("rows whose document does not exist"))
    }

    async fn try_find(db: &impl ConnectionTrait) -> Result<Option<Self>, DbErr> {
        let count = count(db, Self::COUNT).await?;
        if count == 0 {
            return Ok(None);
        }
        let text = match db.get_database_backend() {
            DbBackend::MySql => "char",
            _ => "text",
        };
        let sql = Self::QUERY.replacen(
            "v.id, v.doc_id",
            &format!(
                "coalesce(cast(v.id AS {text}), 'NULL'), {}",
                as_i64(db, "v.doc_id")
            ),
            1,
        ) + " LIMIT 5";
        let examples = rows(db, &sql, [], |row| {
            Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
        });
        Ok(Some(Self {
            count,
            examples: examples.await?,
        }))
    }
}

/// What stands in the way of `id` as primary key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) null: i64,
    pub(crate) duplicate: i64,
    /// SQLite keeps anything anywhere.
    pub(crate) not_integer: i64,
}

impl Ids {
    pub(crate) async fn find(db: &impl ConnectionTrait) -> Result<Self, Error> {
        let found = Self::try_find(db).await;
        found.map_err(Error::looking_for("the ids of \"vectors\""))
    }

    async fn try_find(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let not_integer = match db.get_database_backend() {
            DbBackend::Sqlite => {
                let sql =
                    "SELECT count(*) FROM vectors WHERE typeof(id) NOT IN ('integer', 'null')";
                count(db, sql).await?
            }
            _ => 0,
        };
        Ok(Self {
            null: nulls_of(db, "id").await?,
            duplicate: count(
                db,
                "SELECT count(*) FROM (SELECT id FROM vectors WHERE id IS NOT NULL \
                 GROUP BY id HAVING count(*) > 1) twice",
            )
            .await?,
            not_integer,
        })
    }
}

/// How many rows have no value in this column of ours.
pub(crate) async fn nulls(db: &impl ConnectionTrait, column: &'static str) -> Result<i64, Error> {
    nulls_of(db, column)
        .await
        .map_err(Error::looking_for(format!("NULLs in vectors.{column}")))
}

async fn nulls_of(db: &impl ConnectionTrait, column: &str) -> Result<i64, DbErr> {
    count(
        db,
        &format!("SELECT count(*) FROM vectors WHERE {column} IS NULL"),
    )
    .await
}

pub(crate) async fn is_empty(db: &impl ConnectionTrait) -> Result<bool, Error> {
    let first: Result<Vec<i64>, _> = list(
        db,
        &format!("SELECT {} FROM vectors LIMIT 1", as_i64(db, "1")),
        [],
    )
    .await;
    Ok(first
        .map_err(Error::looking_for("the rows of \"vectors\""))?
        .is_empty())
}

/// PostgreSQL: the next number of a sequence, where this role may see it, and the largest id.
pub(crate) async fn sequence(
    db: &impl ConnectionTrait,
    sequence: &str,
) -> Result<Option<(i64, i64)>, Error> {
    let found = rows(
        db,
        "SELECT coalesce(s.last_value + s.increment_by, s.start_value),
                coalesce((SELECT max(id) FROM vectors), 0)::bigint
         FROM pg_catalog.pg_sequences s
         JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
         JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
         WHERE c.oid = $1::regclass AND has_sequence_privilege(c.oid, 'SELECT, USAGE')",
        [sequence.into()],
        |row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)),
    );
    Ok(found
        .await
        .map_err(Error::looking_for(format!("the sequence {sequence}")))?
        .pop())
}

async fn count(db: &impl ConnectionTrait, sql: &str) -> Result<i64, DbErr> {
    Ok(list(db, sql, []).await?.pop().unwrap_or(0))
}

fn as_i64(db: &impl ConnectionTrait, expression: &str) -> String {
    match db.get_database_backend() {
        DbBackend::MySql => format!("cast({expression} AS signed)"),
        _ => format!("cast({expression} AS bigint)"),
    }
}
