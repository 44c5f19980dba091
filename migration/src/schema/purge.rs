//! Deletes the rows whose document does not exist, and hands over what they said before that is committed.

use std::{cmp::Ordering, io, pin::pin, time::Instant};

use futures_timer::Delay;
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, StreamTrait};
use sea_orm_migration::SchemaManagerConnection;
use tracing::Instrument;

use super::{
    cascade,
    difference::Difference,
    live::{Live, Table, list},
    rows::{Orphans, counted},
    run,
};
use crate::{
    Error,
    lock::BETWEEN_TRIES,
    orphans::{Handover, Orphan},
    server_error::{is_in_use, is_rolled_back},
    session::Session,
};

/// Rows that are handed over at once; each may have a million ids.
const AT_ONCE: usize = 64;

/// Rows that MySQL and MariaDB delete in one transaction.
const IN_ONE_TRANSACTION: u32 = 10_000;

/// How an engine deletes just the rows that it has shown.
enum Deletion {
    /// It shows what it deletes.
    Returning(String),
    /// What is read cannot change before it is deleted.
    AfterReading { read: String, delete: String },
}

/// Why a round was rolled back.
enum Stopped {
    By(DbErr),
    /// As many are left as there were.
    WithoutProgress {
        left: u64,
    },
    /// Somebody has added this many that were not read.
    More(u64),
    /// Nobody has what the rows say.
    NotStored(io::Error),
    /// Somebody has what rows say that are still there.
    NotWithdrawn(io::Error),
}

impl From<DbErr> for Stopped {
    fn from(error: DbErr) -> Self {
        Self::By(error)
    }
}

/// Until none is left, or a round has made no progress.
pub(crate) async fn delete(
    session: &Session<'_>,
    live: &Live,
    orphans: &Difference,
    handover: &Handover<'_>,
) -> Result<(), Error> {
    let Some(vectors) = &live.vectors else {
        return Ok(());
    };
    let deletion = deletion(session, vectors).await?;
    let statements = match &deletion {
        Deletion::Returning(delete) => vec![delete.clone()],
        Deletion::AfterReading { read, delete } => vec![read.clone(), delete.clone()],
    };
    run::announce(
        orphans.part().name(),
        &orphans.sentence(),
        &statements,
        None,
    );
    for goes_too in cascade::find(session).await? {
        tracing::info!("  {goes_too}");
    }
    let started = Instant::now();
    let before = handover.rows();
    let outcome = rounds(session, vectors, &deletion, handover)
        .instrument(tracing::info_span!("step"))
        .await;
    let seconds = started.elapsed().as_secs_f64();
    let rows = handover.rows() - before;
    match &outcome {
        Ok(()) => tracing::info!("  {} deleted in {seconds:.3} s", counted(rows)),
        Err(_) => tracing::info!("  stopped after {seconds:.3} s and {}", counted(rows)),
    }
    outcome
}

async fn rounds(
    session: &Session<'_>,
    vectors: &Table,
    deletion: &Deletion,
    handover: &Handover<'_>,
) -> Result<(), Error> {
    let mut waiting_since = Instant::now();
    loop {
        let statements = || match deletion {
            Deletion::Returning(delete) | Deletion::AfterReading { delete, .. } => delete.clone(),
        };
        let before = handover.rows();
        let error = match round(session, deletion, handover).await {
            Ok(0) => return Ok(()),
            Ok(_) => {
                waiting_since = Instant::now();
                continue;
            }
            Err(error) => error,
        };
        let is_over = waiting_since.elapsed() >= session.settings.lock_wait;
        match error {
            Stopped::NotStored(source) => return Err(Error::OrphansNotStored { source }),
            Stopped::NotWithdrawn(source) => return Err(Error::OrphansNotWithdrawn { source }),
            Stopped::More(_) if !is_over => {}
            Stopped::More(rows) => {
                return Err(Error::InUse {
                    statements: statements(),
                    seconds: session.settings.lock_wait.as_secs_f64(),
                    holder: Some(format!(
                        "whoever adds rows without a document, {rows} meanwhile"
                    )),
                });
            }
            Stopped::WithoutProgress { left } => {
                return Err(Error::OrphansKept {
                    rows: left,
                    found: deciding(vectors),
                });
            }
            Stopped::By(source) => {
                let may_wait = matches!(session.db, SchemaManagerConnection::Connection(_))
                    && is_in_use(&source)
                    && !is_over
                    // What a COMMIT has come to is not known.
                    && handover.rows() == before;
                if !may_wait {
                    let statements = statements();
                    return Err(Error::Step { statements, source });
                }
            }
        }
        Delay::new(BETWEEN_TRIES).await;
    }
}

/// Says how many rows are left.
async fn round(
    session: &Session<'_>,
    deletion: &Deletion,
    handover: &Handover<'_>,
) -> Result<u64, Stopped> {
    let before = handover.rows();
    let unit = session.begin_for_rows(&[run::POLITE]).await?;
    let left = match within(session, &unit.db(), deletion, handover).await {
        Ok(left) => left,
        Err(error) => {
            handover
                .withdraw_to(before)
                .map_err(Stopped::NotWithdrawn)?;
            // The error says more than one about the end of its transaction.
            let _ = unit.rollback().await;
            return Err(error);
        }
    };
    let ended = match unit.commit().await {
        Ok(()) => session.commit_rows().await,
        Err(error) => Err(error),
    };
    match &ended {
        Ok(true) => handover.commit(),
        // With the transaction that it was done in.
        Ok(false) => {}
        Err(error) if is_rolled_back(error) => {
            handover
                .withdraw_to(before)
                .map_err(Stopped::NotWithdrawn)?;
        }
        Err(_) => {}
    }
    Ok(ended.map(|_| left)?)
}

async fn within(
    session: &Session<'_>,
    db: &SchemaManagerConnection<'_>,
    deletion: &Deletion,
    handover: &Handover<'_>,
) -> Result<u64, Stopped> {
    let is_pool = matches!(session.db, SchemaManagerConnection::Connection(_));
    let there = Orphans::count(db).await?;
    if there == 0 {
        return Ok(0);
    }
    let before = handover.rows();
    match deletion {
        Deletion::Returning(delete) => hand_over(db, delete, handover).await?,
        Deletion::AfterReading { read, delete } => {
            hand_over(db, read, handover).await?;
            let deleted = db.execute_unprepared(delete).await?.rows_affected();
            let read = handover.rows() - before;
            match deleted.cmp(&read) {
                Ordering::Less => {
                    let left = read - deleted;
                    return Err(Stopped::WithoutProgress { left });
                }
                Ordering::Equal => {}
                Ordering::Greater => return Err(Stopped::More(deleted - read)),
            }
        }
    }
    if is_pool && session.backend() == DbBackend::Postgres {
        // What is only looked at by the COMMIT would undo the deletion of rows that are handed over. In a
        // caller's transaction it would look at the caller's own rows too early.
        db.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE")
            .await?;
    }
    let left = Orphans::count(db).await?;
    if left >= there {
        return Err(Stopped::WithoutProgress { left });
    }
    handover.flush().map_err(Stopped::NotStored)?;
    Ok(left)
}

/// As the rows come in, so that few of them are in memory.
async fn hand_over(
    db: &SchemaManagerConnection<'_>,
    sql: &str,
    handover: &Handover<'_>,
) -> Result<(), Stopped> {
    match db {
        SchemaManagerConnection::Connection(db) => hand_over_all(*db, sql, handover).await,
        SchemaManagerConnection::Transaction(db) => hand_over_all(*db, sql, handover).await,
        SchemaManagerConnection::OwnedTransaction(db) => hand_over_all(db, sql, handover).await,
    }
}

async fn hand_over_all(
    db: &impl StreamTrait,
    sql: &str,
    handover: &Handover<'_>,
) -> Result<(), Stopped> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let mut rows = pin!(db.stream_raw(statement).await?);
    let mut orphans = Vec::new();
    while let Some(row) = rows.try_next().await? {
        orphans.push(orphan(&row)?);
        if orphans.len() == AT_ONCE {
            handover.store(&orphans).map_err(Stopped::NotStored)?;
            orphans.clear();
        }
    }
    match orphans.is_empty() {
        true => Ok(()),
        false => handover.store(&orphans).map_err(Stopped::NotStored),
    }
}

fn orphan(row: &QueryResult) -> Result<Orphan, DbErr> {
    Ok(Orphan {
        id: row.try_get_by_index(0)?,
        doc_id: row.try_get_by_index(1)?,
        page: row.try_get_by_index(2)?,
        vector_ids: row.try_get_by_index(3)?,
    })
}

async fn deletion(session: &Session<'_>, vectors: &Table) -> Result<Deletion, Error> {
    let (text, integer) = match session.backend() {
        DbBackend::MySql => ("char", "signed"),
        _ => ("text", "bigint"),
    };
    // A legacy table may not have all of them.
    let said = |column: &str| match vectors.column(column) {
        Some(_) => format!("CAST({column} AS {text})"),
        None => format!("CAST(NULL AS {text})"),
    };
    let said = format!(
        "{}, CAST(doc_id AS {integer}), {}, {}",
        said("id"),
        said("page"),
        said("vector_ids")
    );
    let delete = format!("DELETE FROM vectors WHERE {}", Orphans::CONDITION);
    let read = format!("SELECT {said} FROM vectors WHERE {}", Orphans::CONDITION);
    Ok(match session.backend() {
        DbBackend::Sqlite => Deletion::AfterReading { read, delete },
        DbBackend::MySql if !is_mariadb(session).await? => Deletion::AfterReading {
            read: format!("{read} FOR UPDATE"),
            delete,
        },
        DbBackend::MySql => Deletion::Returning(format!(
            "{delete} LIMIT {IN_ONE_TRANSACTION} RETURNING {said}"
        )),
        _ => Deletion::Returning(format!("{delete} RETURNING {said}")),
    })
}

async fn is_mariadb(session: &Session<'_>) -> Result<bool, Error> {
    let unit = session.begin_to_read().await?;
    let version: Result<Vec<String>, DbErr> =
        list(&unit.db(), "SELECT CAST(version() AS CHAR)", []).await;
    unit.rollback().await?;
    let version = version.map_err(Error::looking_for("the server's version"))?;
    Ok(version.iter().any(|version| version.contains("MariaDB")))
}

/// What of the table decides what becomes of a DELETE.
fn deciding(vectors: &Table) -> Vec<String> {
    let decides = |kept: &&String| {
        let kinds = ["trigger ", "rule ", "policy "];
        kinds.iter().any(|kind| kept.starts_with(kind))
    };
    vectors.kept.iter().filter(decides).cloned().collect()
}
