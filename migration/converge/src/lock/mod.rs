//! The migration lock: one migrator at a time on one database, and on PostgreSQL on one schema of
//! it.
//!
//! Every engine has the same functions: [`begin`] begins a transaction that can hold the lock,
//! [`try_acquire`] tells whether the transaction has it, [`holder`] names the session that holds
//! it, and [`give_back`] releases it. If a holder dies, the end of its connection releases the
//! lock.

mod at_work;
mod citus;
mod mysql;
mod postgres;
mod reported;
mod sqlite;

pub use self::{at_work::at_work, sqlite::WRITER};
pub(crate) use self::{
    mysql::NAME as MYSQL_NAME,
    postgres::{AS_POLITE_AS_BEFORE, KEYS as POSTGRES_KEYS, outwaiting_autovacuum},
    reported::Reported,
};

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use futures_timer::Delay;
use futures_util::future::{Either, select};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr};
use sea_orm_migration::SchemaManagerConnection;

use crate::{
    Error, Location,
    engine::Engine,
    error::Work,
    inspect,
    patience::Patience,
    server_error::{is_in_use, is_without_connection},
    session::{End, Session, Settings, end, reborrow},
};

/// Delay between two attempts to acquire the lock. Polling keeps no snapshot open, which would
/// block `CREATE INDEX CONCURRENTLY`, and keeps no connection checked out of the pool.
pub const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// How long the lock's holder waits for a second connection, which may have to be opened, before it
/// concludes that its pool has only one.
const SECOND_CONNECTION: Duration = Duration::from_secs(1);

/// How long it waits where there was none a moment ago. In a larger pool, one may be free again.
const SECOND_CONNECTION_AGAIN: Duration = Duration::from_millis(100);

/// What a call that acquires the lock several times knows of its pool.
#[derive(Debug, Default)]
pub struct SecondConnection {
    was_missing: AtomicBool,
}

impl SecondConnection {
    /// Returns another connection of the same pool, if the lock's own is not the only one.
    async fn of<'c>(&self, db: &SchemaManagerConnection<'c>) -> Option<&'c DatabaseConnection> {
        let SchemaManagerConnection::Connection(pool) = db else {
            return None;
        };
        // The holder's transaction is SQLite's only writer.
        if Engine::of(*pool) == Engine::Sqlite {
            return None;
        }
        let ping = pin!(pool.ping());
        match select(ping, Delay::new(self.patience())).await {
            Either::Left((Ok(()), _)) => Some(pool),
            _ => {
                tracing::info!("no second connection: everything is done in one transaction");
                self.note_missing();
                None
            }
        }
    }

    fn note_missing(&self) {
        self.was_missing.store(true, Ordering::Relaxed);
    }

    fn patience(&self) -> Duration {
        match self.was_missing.load(Ordering::Relaxed) {
            false => SECOND_CONNECTION,
            true => SECOND_CONNECTION_AGAIN,
        }
    }
}

/// The migration lock, held from [`MigrationLock::acquire`] to [`MigrationLock::release`].
pub struct MigrationLock<'c> {
    holder: Holder<'c>,
    /// The settings to restore on the holder's connection.
    patience: Patience,
    /// A connection to work on, if there is another one than the holder's.
    beside: Option<&'c DatabaseConnection>,
    settings: &'c Settings,
}

enum Holder<'c> {
    Own(DatabaseTransaction),
    /// The lock belongs to the caller's transaction until that ends.
    Callers(&'c SchemaManagerConnection<'c>),
}

impl<'c> MigrationLock<'c> {
    /// Acquires the migration lock, and waits while another session holds it.
    ///
    /// # Errors
    ///
    /// - [`Error::Locked`] if that takes too long.
    /// - [`Error::Lookup`] if the lock cannot be queried.
    pub async fn acquire(
        db: &'c SchemaManagerConnection<'c>,
        settings: &'c Settings,
        second: &SecondConnection,
    ) -> Result<Self, Error> {
        let started = Instant::now();
        let mut reported = Reported::default();
        loop {
            let is_over = started.elapsed() >= settings.lock_wait;
            let held_by = match attempt(db, settings).await {
                Ok(Attempt::Taken(holder, patience)) => {
                    let beside = second.of(db).await;
                    return Ok(Self {
                        holder,
                        patience,
                        beside,
                        settings,
                    });
                }
                Ok(Attempt::HeldBy(holder)) => holder,
                Err(error) if is_without_connection(&error) && !is_over => {
                    Some("a free connection".to_owned())
                }
                Err(error) => return Err(failed(error)),
            };
            if is_over {
                return Err(Error::Locked {
                    location: location(db, settings).await,
                    seconds: settings.lock_wait.as_secs_f64(),
                    holder: held_by,
                });
            }
            reported.report(held_by.as_deref().unwrap_or("another migrator"));
            Delay::new(BETWEEN_TRIES).await;
        }
    }

    /// Returns the connection for the records, whose changes are committed when the lock is
    /// released, and not before.
    pub fn record(&self) -> SchemaManagerConnection<'_> {
        match &self.holder {
            Holder::Own(transaction) => transaction.into(),
            Holder::Callers(db) => reborrow(db),
        }
    }

    /// Returns the caller's settings.
    pub fn settings(&self) -> &'c Settings {
        self.settings
    }

    /// Returns a session for steps that see what the holder's transaction has not committed.
    pub fn within(&self) -> Session<'_> {
        Session::new(self.record(), self.settings)
    }

    /// Returns a session for steps that commit by themselves, if there is a connection for them.
    pub fn work(&self) -> Session<'_> {
        match self.beside {
            Some(db) => Session::new(db.into(), self.settings).held_by(self.record()),
            None => Session::new(self.record(), self.settings).of_the_lock(),
        }
    }

    /// Returns whether everything that is done under the lock is committed or rolled back with it.
    /// MySQL commits in between.
    pub fn is_one_transaction(&self) -> bool {
        match &self.holder {
            Holder::Own(transaction) => {
                self.beside.is_none() && Engine::of(transaction) != Engine::MySql
            }
            Holder::Callers(_) => false,
        }
    }

    /// Releases the lock.
    ///
    /// # Errors
    ///
    /// The database's error at the end of the transaction.
    pub async fn release(self, how: End) -> Result<(), DbErr> {
        match self.holder {
            Holder::Own(transaction) if Engine::of(&transaction) == Engine::MySql => {
                // MySQL's lock outlives the transaction, and the connection goes back to its pool.
                let word = match how {
                    End::Commit => "COMMIT",
                    End::RollBack => "ROLLBACK",
                };
                let ended = transaction.execute_unprepared(word).await;
                mysql::give_back(&transaction).await?;
                let given_back = end(transaction, &self.patience, End::RollBack).await;
                ended?;
                given_back
            }
            Holder::Own(transaction) => end(transaction, &self.patience, how).await,
            Holder::Callers(db) => {
                if Engine::of(db) == Engine::MySql {
                    mysql::give_back(db).await?;
                }
                match (Engine::of(db), how) {
                    // After an error, the caller's transaction accepts no statement.
                    (Engine::Postgres, End::RollBack) => {
                        let _ = self.patience.give_back(db).await;
                        Ok(())
                    }
                    _ => self.patience.give_back(db).await,
                }
            }
        }
    }
}

enum Attempt<'c> {
    Taken(Holder<'c>, Patience),
    HeldBy(Option<String>),
}

async fn attempt<'c>(
    db: &'c SchemaManagerConnection<'c>,
    settings: &Settings,
) -> Result<Attempt<'c>, DbErr> {
    let SchemaManagerConnection::Connection(pool) = db else {
        settings.enter(db).await?;
        if !try_acquire(db).await? {
            return Ok(Attempt::HeldBy(holder(db).await?));
        }
        let patience = Patience::limit(db, settings.lock_wait).await?;
        return Ok(Attempt::Taken(Holder::Callers(db), patience));
    };
    let (transaction, patience) = match begin(pool, settings).await {
        Ok(begun) => begun,
        Err(error) if is_in_use(&error) => {
            return Ok(Attempt::HeldBy(match Engine::of(*pool) {
                Engine::Sqlite => Some(sqlite::WRITER.to_owned()),
                Engine::Postgres | Engine::MySql => None,
            }));
        }
        Err(error) => return Err(error),
    };
    let holder = match try_acquire(&transaction).await {
        Ok(true) => return Ok(Attempt::Taken(Holder::Own(transaction), patience)),
        Ok(false) => holder(&transaction).await,
        Err(error) => Err(error),
    };
    // The transaction ends whatever the answer was, because the connection goes back to its pool.
    end(transaction, &patience, End::RollBack).await?;
    holder.map(Attempt::HeldBy)
}

async fn begin(
    db: &DatabaseConnection,
    settings: &Settings,
) -> Result<(DatabaseTransaction, Patience), DbErr> {
    match Engine::of(db) {
        Engine::MySql => mysql::begin(db, settings).await,
        Engine::Sqlite => sqlite::begin(db, settings).await,
        Engine::Postgres => postgres::begin(db, settings).await,
    }
}

async fn try_acquire(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    match Engine::of(db) {
        Engine::MySql => mysql::try_acquire(db).await,
        Engine::Sqlite => sqlite::try_acquire(db).await,
        Engine::Postgres => postgres::try_acquire(db).await,
    }
}

/// Returns the session that holds the lock, as far as this role may see it.
async fn holder(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    match Engine::of(db) {
        Engine::MySql => mysql::holder(db).await,
        Engine::Sqlite => sqlite::holder(db).await,
        Engine::Postgres => postgres::holder(db).await,
    }
}

/// What an attempt needs of tables that another session uses. A weaker need is compatible with more
/// locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// To read the tables.
    Read,
    /// To change rows that another session may have locked.
    Rows,
    /// That no session writes.
    NoWriters,
    /// To have the tables alone.
    Alone,
}

impl Need {
    /// Returns the most that this work needs.
    pub(crate) fn of(work: &Work) -> Self {
        match work {
            Work::Lookup { .. } => Self::Read,
            Work::Records { .. } => Self::Rows,
            Work::Step { .. } => Self::Alone,
        }
    }
}

/// A session, or a prepared transaction, that uses a table.
pub(crate) struct Blocker {
    pub(crate) sentence: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It goes on until its client ends it.
    Client,
    /// PostgreSQL's own process, which gives way to a session that waits for longer than
    /// `deadlock_timeout`.
    Autovacuum,
}

/// Returns the session that has used these tables longest in a way that conflicts with the need, as
/// far as this role may see it. The holder of the migration lock is asked, if there is one: its own
/// locks do not count.
pub(crate) async fn blocker(
    session: &Session<'_>,
    tables: &[String],
    need: Need,
) -> Option<Blocker> {
    if session.backend() == Engine::Sqlite {
        return Some(sqlite::blocker());
    }
    if let Some(holder) = session.holder() {
        return blocker_on(holder, tables, need).await.ok().flatten();
    }
    let transaction = session.begin_to_read().await.ok()?;
    let blocker = blocker_on(&transaction.db(), tables, need).await;
    transaction.rollback().await.ok()?;
    blocker.ok().flatten()
}

async fn blocker_on(
    db: &impl ConnectionTrait,
    tables: &[String],
    need: Need,
) -> Result<Option<Blocker>, DbErr> {
    match Engine::of(db) {
        Engine::Postgres => postgres::blocker(db, tables, need).await,
        Engine::MySql => mysql::blocker(db, tables, need).await,
        Engine::Sqlite => Ok(Some(sqlite::blocker())),
    }
}

/// A session that runs a statement of ours on another connection, and waits.
pub(crate) struct Waiter {
    pid: i32,
    pub(crate) waits_for: String,
}

/// Returns the session of PostgreSQL that waits; the holder of the migration lock asks.
pub(crate) async fn waiter(
    session: &Session<'_>,
    table: &str,
    statements: &[String],
) -> Option<Waiter> {
    let statement = statements.join("; ");
    let waiter = postgres::waiter(session.holder()?, table, &statement).await;
    waiter.ok().flatten()
}

/// Returns whether the session that runs these statements waits for a synchronous standby, which no
/// cancellation ends for good.
pub(crate) async fn waits_for_a_standby(session: &Session<'_>, statements: &[String]) -> bool {
    let Some(holder) = session.holder() else {
        return false;
    };
    let waits = postgres::waits_for_a_standby(holder, &statements.join("; ")).await;
    waits.unwrap_or_default()
}

/// Cancels the statement of a session that waits.
pub(crate) async fn cancel(session: &Session<'_>, waiter: &Waiter) -> Result<(), DbErr> {
    match session.holder() {
        Some(holder) => postgres::cancel(holder, waiter).await,
        None => Ok(()),
    }
}

async fn location(db: &SchemaManagerConnection<'_>, settings: &Settings) -> Option<Location> {
    let session = Session::new(reborrow(db), settings);
    let transaction = session.begin_to_read().await.ok()?;
    let location = inspect::location(&transaction.db()).await;
    transaction.rollback().await.ok()?;
    location.ok()
}

fn failed(source: DbErr) -> Error {
    Error::Lookup {
        subject: "the migration lock".to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_connection_that_was_missing_is_waited_for_only_briefly() {
        let second = SecondConnection::default();
        assert_eq!(second.patience(), SECOND_CONNECTION);

        second.note_missing();

        assert_eq!(second.patience(), SECOND_CONNECTION_AGAIN);
    }
}
