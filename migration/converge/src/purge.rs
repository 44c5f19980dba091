//! Deletes orphans, and hands over their values before the deletion is committed.

use std::{cmp::Ordering, io, pin::pin, time::Instant};

use futures_timer::Delay;
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, StreamTrait};
use sea_orm_migration::SchemaManagerConnection;
use tracing::Instrument;

use crate::{
    Error, apply, cascade,
    declare::Shape,
    diff::{Change, Difference, name},
    engine::Engine,
    error::Work,
    facts::{Orphans, counted},
    inspect::Inspection,
    lock::BETWEEN_TRIES,
    model::{ForeignKey, Placement, Table},
    orphans::{Handover, Orphan, OrphanValue},
    query::list,
    server_error::{is_in_use, is_rolled_back},
    session::Session,
    sql,
    types::Type,
    wait::{self, Wait},
};

/// How many rows are handed over at once; each may have a million ids.
const AT_ONCE: usize = 64;

/// How many rows MySQL and MariaDB delete in one transaction.
const IN_ONE_TRANSACTION: u32 = 10_000;

/// The rows to delete, and how their values are read.
struct Purge<'p> {
    table: &'p Table,
    key: &'p ForeignKey,
    /// The declared columns, in the order in which they are read.
    columns: Vec<(String, Type)>,
    deletion: Deletion,
}

/// How an engine deletes exactly the rows that it has returned.
enum Deletion {
    /// The DELETE returns what it deletes.
    Returning(String),
    /// What is read cannot change before it is deleted.
    AfterReading { read: String, delete: String },
}

impl Deletion {
    fn delete(&self) -> String {
        match self {
            Self::Returning(delete) | Self::AfterReading { delete, .. } => delete.clone(),
        }
    }
}

/// The reason why a round was rolled back.
enum Stopped {
    By(DbErr),
    /// As many rows are left as before.
    WithoutProgress {
        left: u64,
    },
    /// Another session has added this many rows that were not read.
    More(u64),
    /// The values of the rows were not stored.
    NotStored(io::Error),
    /// The values of rows that still exist remain stored.
    NotWithdrawn(io::Error),
}

impl From<DbErr> for Stopped {
    fn from(error: DbErr) -> Self {
        Self::By(error)
    }
}

/// Deletes the rows until none is left, or until a round makes no progress.
pub(crate) async fn delete(
    session: &Session<'_>,
    current: &Inspection,
    shape: &Shape,
    change: &Change,
    handover: &Handover<'_>,
) -> Result<(), Error> {
    let (Some(table), Some(declared), Difference::Orphans(orphans)) = (
        current.table(&change.table),
        shape.table_named(&change.table),
        &change.difference,
    ) else {
        return Ok(());
    };
    let parent = current.parent_placement(declared);
    let purge = Purge::of(session, declared, table, (&orphans.key, parent)).await?;
    let statements = match &purge.deletion {
        Deletion::Returning(delete) => vec![delete.clone()],
        Deletion::AfterReading { read, delete } => vec![read.clone(), delete.clone()],
    };
    let part = name::name(shape, &change.element());
    apply::announce(&part, &change.sentence(), &statements, None);
    for goes_too in cascade::find(session, &table.name, &orphans.key).await? {
        tracing::info!("  {goes_too}");
    }
    let started = Instant::now();
    let before = handover.rows();
    let outcome = rounds(session, shape, &purge, handover)
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
    shape: &Shape,
    purge: &Purge<'_>,
    handover: &Handover<'_>,
) -> Result<(), Error> {
    let mut wait = Wait::for_rows();
    loop {
        let statements = || purge.deletion.delete();
        let before = handover.rows();
        let error = match round(session, purge, handover).await {
            Ok(0) => return Ok(()),
            Ok(_) => {
                wait = Wait::for_rows();
                continue;
            }
            Err(error) => error,
        };
        let is_over = wait.is_over(session.settings);
        match error {
            Stopped::NotStored(source) => return Err(Error::OrphansNotStored { source }),
            Stopped::NotWithdrawn(source) => return Err(Error::OrphansNotWithdrawn { source }),
            Stopped::More(_) if !is_over => {}
            Stopped::More(rows) => {
                let statements = statements();
                let holder = format!(
                    "a session that adds rows without what they reference, {rows} meanwhile"
                );
                let work = Work::Step { statements };
                let waited = session.settings.lock_wait;
                return Err(wait::in_use(session.settings, waited, work, Some(holder)));
            }
            Stopped::WithoutProgress { left } => {
                return Err(Error::OrphansKept {
                    rows: left,
                    found: deciding(purge.table),
                });
            }
            // The result of a COMMIT is not known.
            Stopped::By(source) if !is_in_use(&source) || handover.rows() != before => {
                let statements = statements();
                return Err(Error::Step { statements, source });
            }
            Stopped::By(source) => {
                let statements = statements();
                wait.again(session, shape, Error::Step { statements, source })
                    .await?;
                continue;
            }
        }
        Delay::new(BETWEEN_TRIES).await;
    }
}

/// Deletes one round, and returns how many rows are left.
async fn round(
    session: &Session<'_>,
    purge: &Purge<'_>,
    handover: &Handover<'_>,
) -> Result<u64, Stopped> {
    let before = handover.rows();
    let transaction = session.begin_for_rows(&[apply::POLITE]).await?;
    let left = match within(session, &transaction.db(), purge, handover).await {
        Ok(left) => left,
        Err(error) => {
            handover
                .withdraw_to(before)
                .map_err(Stopped::NotWithdrawn)?;
            // The error is more useful than one of the rollback.
            let _ = transaction.rollback().await;
            return Err(error);
        }
    };
    let ended = match transaction.commit().await {
        Ok(()) => session.commit_rows().await,
        Err(error) => Err(error),
    };
    match &ended {
        Ok(true) => handover.commit(),
        // It ended with the transaction in which it was done.
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
    purge: &Purge<'_>,
    handover: &Handover<'_>,
) -> Result<u64, Stopped> {
    let is_pool = matches!(session.db, SchemaManagerConnection::Connection(_));
    let there = purge.count(db).await?;
    if there == 0 {
        return Ok(0);
    }
    let before = handover.rows();
    match &purge.deletion {
        Deletion::Returning(delete) => hand_over(db, purge, delete, handover).await?,
        Deletion::AfterReading { read, delete } => {
            hand_over(db, purge, read, handover).await?;
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
    if is_pool && session.backend() == Engine::Postgres {
        // A constraint that is checked only at COMMIT would undo the deletion of rows that have
        // been handed over. In a caller's transaction this would check the caller's own rows too
        // early.
        db.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE")
            .await?;
    }
    let left = purge.count(db).await?;
    if left >= there {
        return Err(Stopped::WithoutProgress { left });
    }
    handover.flush().map_err(Stopped::NotStored)?;
    Ok(left)
}

/// Hands over the rows as they arrive, so that few of them are in memory.
async fn hand_over(
    db: &SchemaManagerConnection<'_>,
    purge: &Purge<'_>,
    sql: &str,
    handover: &Handover<'_>,
) -> Result<(), Stopped> {
    match db {
        SchemaManagerConnection::Connection(db) => hand_over_all(*db, purge, sql, handover).await,
        SchemaManagerConnection::Transaction(db) => hand_over_all(*db, purge, sql, handover).await,
        SchemaManagerConnection::OwnedTransaction(db) => {
            hand_over_all(db, purge, sql, handover).await
        }
    }
}

async fn hand_over_all(
    db: &impl StreamTrait,
    purge: &Purge<'_>,
    sql: &str,
    handover: &Handover<'_>,
) -> Result<(), Stopped> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let mut rows = pin!(db.stream_raw(statement).await?);
    let mut orphans = Vec::new();
    while let Some(row) = rows.try_next().await? {
        orphans.push(purge.orphan(&row)?);
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

impl<'p> Purge<'p> {
    async fn of(
        session: &Session<'_>,
        declared: &Table,
        table: &'p Table,
        (key, parent): (&'p ForeignKey, &Placement),
    ) -> Result<Self, Error> {
        let backend = session.backend();
        let columns: Vec<(String, Type)> = declared
            .columns
            .iter()
            .map(|column| (column.name.clone(), column.kind))
            .collect();
        // A legacy table may lack some of them.
        let as_text = |(column, _): &(String, Type)| match table.column(column) {
            Some(found) => found
                .kind
                .exact_text(backend, &sql::identifier(backend, column)),
            None => Type::TEXT.exact_text(backend, "NULL"),
        };
        let listed: Vec<String> = columns.iter().map(as_text).collect();
        let listed = listed.join(", ");
        let condition = match parent {
            Placement::Local
            | Placement::Distributed { .. }
            | Placement::Ranges { .. }
            | Placement::Copies { .. }
            | Placement::SingleShard { .. } => Orphans::condition(backend, &table.name, key),
            Placement::Managed | Placement::Reference | Placement::OtherNodes => {
                Orphans::condition_by_value(backend, &table.name, key)
            }
        };
        let from = sql::identifier(backend, &table.name);
        let delete = format!("DELETE FROM {from} WHERE {condition}");
        let read = format!("SELECT {listed} FROM {from} WHERE {condition}");
        let deletion = match backend {
            Engine::Sqlite => Deletion::AfterReading { read, delete },
            Engine::MySql if !is_mariadb(session).await? => Deletion::AfterReading {
                read: format!("{read} FOR UPDATE"),
                delete,
            },
            Engine::MySql => Deletion::Returning(format!(
                "{delete} LIMIT {IN_ONE_TRANSACTION} RETURNING {listed}"
            )),
            Engine::Postgres => Deletion::Returning(format!("{delete} RETURNING {listed}")),
        };
        Ok(Self {
            table,
            key,
            columns,
            deletion,
        })
    }

    async fn count(&self, db: &impl ConnectionTrait) -> Result<u64, DbErr> {
        Orphans::count(db, &self.table.name, self.key).await
    }

    fn orphan(&self, row: &QueryResult) -> Result<Orphan, DbErr> {
        let value = |(at, (name, kind)): (usize, &(String, Type))| {
            let text = text(row, at)?;
            // A legacy key may be a text.
            let is_number = matches!(kind, Type::Integer { .. });
            let number = text.as_deref().filter(|_| is_number);
            let value = match (number.map(str::parse::<i64>), text) {
                (Some(Ok(number)), _) => OrphanValue::Number(number),
                (_, Some(text)) => OrphanValue::Text(text),
                (_, None) => OrphanValue::Null,
            };
            Ok((name.clone(), value))
        };
        let values = self.columns.iter().enumerate().map(value);
        Ok(Orphan {
            table: self.table.name.clone(),
            values: values.collect::<Result<_, DbErr>>()?,
        })
    }
}

/// Returns a value that the query returns as a text. SQLite also stores texts that are not UTF-8, of
/// which this is the literal of their bytes.
fn text(row: &QueryResult, at: usize) -> Result<Option<String>, DbErr> {
    let error = match row.try_get_by_index(at) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let bytes: Result<Vec<u8>, _> = row.try_get_by_index(at);
    let Ok(bytes) = bytes else {
        return Err(error);
    };
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(Some(format!("X'{digits}'")))
}

async fn is_mariadb(session: &Session<'_>) -> Result<bool, Error> {
    let transaction = session.begin_to_read().await?;
    let version: Result<Vec<String>, DbErr> =
        list(&transaction.db(), "SELECT CAST(version() AS CHAR)", []).await;
    transaction.rollback().await?;
    let version = version.map_err(Error::looking_for("the server's version"))?;
    Ok(version.iter().any(|version| version.contains("MariaDB")))
}

/// Returns the properties of a table that decide the outcome of a DELETE.
fn deciding(table: &Table) -> Vec<String> {
    let decides = |kept: &&String| {
        let kinds = ["trigger ", "rule ", "policy "];
        kinds.iter().any(|kind| kept.starts_with(kind))
    };
    table.extras.kept.iter().filter(decides).cloned().collect()
}
