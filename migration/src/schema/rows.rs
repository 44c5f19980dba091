//! What has to be known of the rows before the shape around them may change.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::live::{Placement, list, rows};
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
    /// Of a row of `vectors` under that name.
    pub(crate) const CONDITION: &str = "doc_id IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = vectors.doc_id)";

    pub(crate) async fn count(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
        let rows = count(db, Self::COUNT).await?;
        Ok(u64::try_from(rows).unwrap_or_default())
    }

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
}

impl Ids {
    pub(crate) async fn find(db: &impl ConnectionTrait) -> Result<Self, Error> {
        let found = Self::try_find(db).await;
        found.map_err(Error::looking_for("the ids of \"vectors\""))
    }

    async fn try_find(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        Ok(Self {
            null: nulls_of(db, "id").await?,
            duplicate: count(
                db,
                "SELECT count(*) FROM (SELECT id FROM vectors WHERE id IS NOT NULL \
                 GROUP BY id HAVING count(*) > 1) twice",
            )
            .await?,
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

pub(crate) async fn is_empty(
    db: &impl ConnectionTrait,
    table: &'static str,
) -> Result<bool, Error> {
    let first: Result<Vec<i64>, _> = list(
        db,
        &format!("SELECT {} FROM {table} LIMIT 1", as_i64(db, "1")),
        [],
    )
    .await;
    Ok(first
        .map_err(Error::looking_for(format!("the rows of {table:?}")))?
        .is_empty())
}

/// So many rows, in words.
pub(crate) fn counted(rows: impl Into<i128>) -> String {
    match rows.into() {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

/// Up to a million are counted: more take time that nobody wants to wait.
pub(crate) async fn how_many(db: &impl ConnectionTrait) -> Result<String, DbErr> {
    const MOST: i64 = 1_000_000;
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM vectors LIMIT {}) counted",
        MOST + 1
    );
    Ok(match count(db, &sql).await? {
        rows if rows > MOST => format!("more than {MOST} rows"),
        rows => counted(rows),
    })
}

/// Returns how large the table is, for people. `None` where no catalog of this connection knows it, as for a
/// table whose rows are on other servers.
pub(crate) async fn size(
    db: &impl ConnectionTrait,
    placement: &Placement,
) -> Result<Option<String>, Error> {
    match placement {
        Placement::Local | Placement::Managed => {}
        Placement::Reference | Placement::Distributed { .. } | Placement::SingleShard { .. } => {
            return Ok(None);
        }
    }
    let (sql, unit) = match db.get_database_backend() {
        DbBackend::Postgres => ("SELECT pg_table_size(to_regclass('vectors'))", "bytes"),
        DbBackend::MySql => (
            "SELECT CAST(data_length AS SIGNED) FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_name = 'vectors'",
            "bytes, as the server estimates",
        ),
        _ => (
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            "bytes in the file",
        ),
    };
    let bytes: Vec<Option<i64>> = list(db, sql, [])
        .await
        .map_err(Error::looking_for("the size of \"vectors\""))?;
    Ok(bytes
        .first()
        .copied()
        .flatten()
        .map(|bytes| format!("{bytes} {unit}")))
}

/// PostgreSQL: what a sequence gives.
pub(crate) struct Sequence {
    pub(crate) next: i64,
    /// The largest id that is there.
    pub(crate) largest: i64,
    /// Its type, where that ends before the column's.
    pub(crate) narrow: Option<String>,
}

impl Sequence {
    /// Whether the next number is nobody's yet, and the column can hold it.
    pub(crate) fn is_usable(&self) -> bool {
        self.next > self.largest && i32::try_from(self.next).is_ok()
    }
}

/// `sequence` is as PostgreSQL prints its name, quoted where it has to be.
pub(crate) async fn sequence(
    db: &impl ConnectionTrait,
    sequence: &str,
) -> Result<Option<Sequence>, Error> {
    let next = format!(
        "SELECT s.last_value + CASE WHEN s.is_called THEN 1 ELSE 0 END,
                coalesce((SELECT max(id) FROM vectors), 0)::bigint,
                (SELECT format_type(seqtypid, NULL) FROM pg_catalog.pg_sequence
                 WHERE seqrelid = to_regclass($1) AND seqtypid = 'smallint'::regtype)
         FROM {sequence} s"
    );
    let found = rows(db, &next, [sequence.into()], |row| {
        Ok(Sequence {
            next: row.try_get_by_index(0)?,
            largest: row.try_get_by_index(1)?,
            narrow: row.try_get_by_index(2)?,
        })
    });
    let found = found
        .await
        .map_err(Error::looking_for(format!("the sequence {sequence}")))?;
    Ok(found.into_iter().next())
}

/// SQLite keeps anything anywhere: how many rows have here what the entities cannot read.
pub(crate) async fn unreadable(
    db: &impl ConnectionTrait,
    column: &'static str,
    integer: bool,
) -> Result<i64, Error> {
    let condition = match integer {
        true => format!(
            "typeof({column}) NOT IN ('integer', 'null') OR {column} NOT BETWEEN -2147483648 AND 2147483647"
        ),
        false => format!("typeof({column}) NOT IN ('text', 'null')"),
    };
    count(
        db,
        &format!("SELECT count(*) FROM vectors WHERE {condition}"),
    )
    .await
    .map_err(Error::looking_for(format!(
        "the values of vectors.{column}"
    )))
}

pub(crate) async fn count(db: &impl ConnectionTrait, sql: &str) -> Result<i64, DbErr> {
    Ok(list(db, sql, []).await?.pop().unwrap_or(0))
}

fn as_i64(db: &impl ConnectionTrait, expression: &str) -> String {
    match db.get_database_backend() {
        DbBackend::MySql => format!("cast({expression} AS signed)"),
        _ => format!("cast({expression} AS bigint)"),
    }
}
