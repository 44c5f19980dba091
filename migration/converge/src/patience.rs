//! How long one statement waits for another session before its attempt is given up. A wait consists
//! of many short attempts, so that it can be limited, and can report the session that it waits for.

use std::{pin::pin, time::Duration};

use futures_timer::Delay;
use futures_util::future::{Either, select};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Statement, TryGetable};

use crate::{citus, engine::Engine, query::has_rows, server_error::commit_unknown};

/// The longest wait of an attempt. A session that only reads blocks no other one in the meantime,
/// and a second is MySQL's shortest wait.
pub(crate) const TRY: Duration = Duration::from_secs(1);

/// The same limit on PostgreSQL, for one transaction. A request of several statements is a
/// transaction too.
pub const BRIEFLY: &str = "SET LOCAL lock_timeout = '1s'";

/// The shortest limit for a COMMIT, which a disk that is slow for a moment must not reach.
const COMMIT: Duration = Duration::from_secs(10);

/// Returns how long the answer to a COMMIT is waited for.
pub(crate) fn limit_of_a_commit(lock_wait: Duration) -> Duration {
    lock_wait.max(COMMIT)
}

/// The settings that a connection had before, to be restored.
pub(crate) struct Patience {
    restore: Option<String>,
    /// The setting for a COMMIT, which cannot be tried again without everything that comes before
    /// it.
    before_commit: Option<String>,
    /// How long the client waits for the answer to a COMMIT that no setting limits.
    commit: Option<Duration>,
}

impl Patience {
    /// On PostgreSQL a setting of the transaction needs no restoring.
    pub(crate) const OF_THE_TRANSACTION: Self = Self {
        restore: None,
        before_commit: None,
        commit: None,
    };

    /// Limits the COMMIT of a transaction of our own on PostgreSQL, where it waits for synchronous
    /// standbys and no timeout ends that wait.
    pub(crate) fn of_a_commit(lock_wait: Duration) -> Self {
        Self {
            commit: Some(limit_of_a_commit(lock_wait)),
            ..Self::OF_THE_TRANSACTION
        }
    }

    /// Limits each statement of a transaction of our own to one attempt, and SQLite's COMMIT to the
    /// whole wait.
    pub(crate) async fn of_our_own(
        db: &impl ConnectionTrait,
        lock_wait: Duration,
    ) -> Result<Self, DbErr> {
        let limited = Self::limit(db, TRY).await?;
        Ok(match Engine::of(db) {
            Engine::Sqlite => Self {
                before_commit: Some(busy_timeout(lock_wait.max(TRY))),
                ..limited
            },
            Engine::Postgres | Engine::MySql => limited,
        })
    }

    /// Limits each statement of a caller's transaction, in which nothing is tried again, to this
    /// wait.
    pub(crate) async fn limit(db: &impl ConnectionTrait, wait: Duration) -> Result<Self, DbErr> {
        let wait = wait.max(TRY);
        let restore = match Engine::of(db) {
            Engine::Postgres => postgres(db, wait).await?,
            Engine::MySql => mysql(db, wait).await?,
            Engine::Sqlite => sqlite(db, wait).await?,
        };
        Ok(Self {
            restore,
            ..Self::OF_THE_TRANSACTION
        })
    }

    /// Returns whether there is something to restore.
    pub(crate) fn is_changed(&self) -> bool {
        self.restore.is_some()
    }

    /// Commits, and waits no longer for the answer than allowed.
    ///
    /// # Errors
    ///
    /// The database's error, or one that says that there was no answer.
    pub(crate) async fn commit(&self, transaction: DatabaseTransaction) -> Result<(), DbErr> {
        let Some(longest) = self.commit else {
            return transaction.commit().await;
        };
        let commit = pin!(transaction.commit());
        match select(commit, Delay::new(longest)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(commit_unknown(longest)),
        }
    }

    /// Makes the setting for a COMMIT.
    pub(crate) async fn prepare_commit(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        run(db, self.before_commit.as_deref()).await
    }

    pub(crate) async fn give_back(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        run(db, self.restore.as_deref()).await
    }
}

async fn run(db: &impl ConnectionTrait, statement: Option<&str>) -> Result<(), DbErr> {
    match statement {
        Some(statement) => db.execute_unprepared(statement).await.map(|_| ()),
        None => Ok(()),
    }
}

async fn postgres(db: &impl ConnectionTrait, wait: Duration) -> Result<Option<String>, DbErr> {
    let wait = wait.as_millis();
    let before = format!(
        "SELECT quote_literal(current_setting('lock_timeout')),
                CASE WHEN setting::bigint NOT BETWEEN 1 AND {wait}
                     THEN set_config('lock_timeout', '{wait}ms', true) END
         FROM pg_catalog.pg_settings WHERE name = 'lock_timeout'"
    );
    let Some(before) = first::<String>(db, &before).await? else {
        return Ok(None);
    };
    let restore = format!("SET LOCAL lock_timeout = {before}");
    if !has_rows(db, citus::IS_THERE).await? {
        return Ok(Some(restore));
    }
    let limit = "EXECUTE format('SET LOCAL lock_timeout = %L', current_setting('lock_timeout'))";
    db.execute_unprepared(&on_every_node(limit)).await?;
    Ok(Some(on_every_node(&restore)))
}

/// Returns the statement for Citus. In a caller's transaction, Citus has to go on passing on that
/// transaction's other settings to its nodes as before.
fn on_every_node(set: &str) -> String {
    format!(
        "DO $citus$ DECLARE before text := current_setting('citus.propagate_set_commands'); BEGIN \
         SET LOCAL citus.propagate_set_commands = 'local'; {set}; \
         PERFORM set_config('citus.propagate_set_commands', before, true); END $citus$"
    )
}

/// Limits the wait for tables and rows on MySQL, and lifts the limit on the rows that a query may
/// examine (`max_join_size`). A value that an earlier transaction could not
/// restore is the one that it had found.
async fn mysql(db: &impl ConnectionTrait, wait: Duration) -> Result<Option<String>, DbErr> {
    let wait = wait.as_secs();
    let set = format!(
        "SET @colpali_lock_wait = CAST(coalesce(@colpali_lock_wait, @@SESSION.lock_wait_timeout) AS UNSIGNED), \
         @colpali_row_wait = CAST(coalesce(@colpali_row_wait, @@SESSION.innodb_lock_wait_timeout) AS UNSIGNED), \
         @colpali_big_selects = CAST(coalesce(@colpali_big_selects, @@SESSION.sql_big_selects) AS UNSIGNED), \
         SESSION sql_big_selects = 1, \
         SESSION lock_wait_timeout = CAST(least({wait}, coalesce(@colpali_lock_wait, @@SESSION.lock_wait_timeout)) AS UNSIGNED), \
         SESSION innodb_lock_wait_timeout = CAST(least({wait}, coalesce(@colpali_row_wait, @@SESSION.innodb_lock_wait_timeout)) AS UNSIGNED)"
    );
    db.execute_unprepared(&set).await?;
    let restore = "SET SESSION lock_wait_timeout = @colpali_lock_wait, \
         SESSION innodb_lock_wait_timeout = @colpali_row_wait, \
         SESSION sql_big_selects = @colpali_big_selects, \
         @colpali_lock_wait = NULL, @colpali_row_wait = NULL, @colpali_big_selects = NULL";
    Ok(Some(restore.to_owned()))
}

async fn sqlite(db: &impl ConnectionTrait, wait: Duration) -> Result<Option<String>, DbErr> {
    let before: Option<u32> = first(db, "PRAGMA busy_timeout").await?;
    let Some(before) = before.map(u64::from).map(Duration::from_millis) else {
        return Ok(None);
    };
    if before > wait {
        db.execute_unprepared(&busy_timeout(wait)).await?;
    }
    Ok(Some(busy_timeout(before)))
}

fn busy_timeout(wait: Duration) -> String {
    format!("PRAGMA busy_timeout = {}", wait.as_millis())
}

/// Returns the first column of the one row.
async fn first<T: TryGetable>(db: &impl ConnectionTrait, sql: &str) -> Result<Option<T>, DbErr> {
    let question = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(question).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}
