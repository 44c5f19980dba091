//! How long one statement may wait for another session before its try is given up. A wait is many short tries, so that
//! it can be bounded, and say for whom.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbErr, Statement, TryGetable};

use crate::engine::Engine;

/// The longest that a try waits. Whoever only reads holds up nobody meanwhile; a wait of a second is MySQL's shortest.
pub(crate) const TRY: Duration = Duration::from_secs(1);

/// PostgreSQL: the same, for a transaction alone, which one request of several statements is too. On every node of
/// Citus, which hands on to the others what is set after the first word.
pub const BRIEFLY: &str = "DO $wait$ BEGIN SET LOCAL citus.propagate_set_commands = 'local'; \
     SET LOCAL lock_timeout = '1s'; END $wait$";

/// The patience that a connection had before, which it is given back.
pub(crate) struct Patience {
    restore: Option<String>,
}

impl Patience {
    /// PostgreSQL: a setting of the transaction needs no restoring.
    pub(crate) const OF_THE_TRANSACTION: Self = Self { restore: None };

    /// Lets a connection wait no longer than this, in a transaction that is open.
    pub(crate) async fn limit(db: &impl ConnectionTrait, wait: Duration) -> Result<Self, DbErr> {
        let restore = match Engine::of(db) {
            Engine::Postgres => postgres(db, wait).await?,
            Engine::MySql => mysql(db).await?,
            Engine::Sqlite => sqlite(db, wait.min(TRY)).await?,
        };
        Ok(Self { restore })
    }

    /// Whether there is something to restore.
    pub(crate) fn is_changed(&self) -> bool {
        self.restore.is_some()
    }

    pub(crate) async fn give_back(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        match &self.restore {
            Some(restore) => db.execute_unprepared(restore).await.map(|_| ()),
            None => Ok(()),
        }
    }
}

async fn postgres(db: &impl ConnectionTrait, wait: Duration) -> Result<Option<String>, DbErr> {
    let wait = wait.max(TRY).as_millis();
    let before = format!(
        "SELECT quote_literal(current_setting('lock_timeout')),
                CASE WHEN setting::bigint NOT BETWEEN 1 AND {wait}
                     THEN set_config('lock_timeout', '{wait}ms', true) END
         FROM pg_catalog.pg_settings WHERE name = 'lock_timeout'"
    );
    let before: Option<String> = first(db, &before).await?;
    Ok(before.map(|before| format!("SET LOCAL lock_timeout = {before}")))
}

/// Also the wait for a row. What an earlier transaction could not restore is what it had found.
async fn mysql(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let set = "SET @colpali_lock_wait = CAST(coalesce(@colpali_lock_wait, @@SESSION.lock_wait_timeout) AS UNSIGNED), \
         @colpali_row_wait = CAST(coalesce(@colpali_row_wait, @@SESSION.innodb_lock_wait_timeout) AS UNSIGNED), \
         SESSION lock_wait_timeout = 1, SESSION innodb_lock_wait_timeout = 1";
    db.execute_unprepared(set).await?;
    let restore = "SET SESSION lock_wait_timeout = @colpali_lock_wait, \
         SESSION innodb_lock_wait_timeout = @colpali_row_wait, \
         @colpali_lock_wait = NULL, @colpali_row_wait = NULL";
    Ok(Some(restore.to_owned()))
}

async fn sqlite(db: &impl ConnectionTrait, wait: Duration) -> Result<Option<String>, DbErr> {
    let before: Option<u32> = first(db, "PRAGMA busy_timeout").await?;
    let is_longer = |before: &u32| u128::from(*before) > wait.as_millis();
    let Some(before) = before.filter(is_longer) else {
        return Ok(None);
    };
    let set = format!("PRAGMA busy_timeout = {}", wait.as_millis());
    db.execute_unprepared(&set).await?;
    Ok(Some(format!("PRAGMA busy_timeout = {before}")))
}

/// Returns the first column of the one row.
async fn first<T: TryGetable>(db: &impl ConnectionTrait, sql: &str) -> Result<Option<T>, DbErr> {
    let question = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(question).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}
