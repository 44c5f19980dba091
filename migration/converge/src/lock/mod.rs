//! One migrator at a time on one database, and on PostgreSQL on one schema of it.
//!
//! Every dialect answers the same questions: how a transaction that can hold the lock is begun
//! ([`begin`]), whether it has it ([`try_take`]), who else has ([`holder`]), and how it is given back
//! ([`give_back`]). A holder that dies gives it back by its connection's end.

mod citus;
mod mysql;
mod postgres;
mod sqlite;

pub(crate) use self::{mysql::NAME as MYSQL_NAME, postgres::KEYS as POSTGRES_KEYS};

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use futures_timer::Delay;
use futures_util::future::{Either, select};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr};
use sea_orm_migration::SchemaManagerConnection;

use crate::{
    Error, Place,
    engine::Engine,
    inspect,
    server_error::is_in_use,
    session::{Session, Settings, reborrow},
};

/// Delay between two attempts to acquire the lock. Polling keeps no snapshot open, which would block `CREATE INDEX
/// CONCURRENTLY`, and keeps no connection checked out of the pool.
pub const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// How long the lock's holder waits for a second connection before it takes its pool to have only one.
const SECOND_CONNECTION: Duration = Duration::from_secs(1);

/// The migration lock, held from [`Turn::take`] to [`Turn::end`].
pub struct Turn<'c> {
    holder: Holder<'c>,
    /// A connection to work on, where there is another than the holder's.
    beside: Option<&'c DatabaseConnection>,
    settings: &'c Settings,
}

enum Holder<'c> {
    Own(DatabaseTransaction),
    /// The lock is the caller's until the caller's transaction ends.
    Callers(&'c SchemaManagerConnection<'c>),
}

/// What becomes of what was done in the holder's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is committed.
    Commit,
    /// It is rolled back.
    RollBack,
}

impl<'c> Turn<'c> {
    /// Acquires the migration lock, and waits while another session holds it.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] where that takes too long, [`Error::Lookup`] where the lock cannot be asked for.
    pub async fn take(
        db: &'c SchemaManagerConnection<'c>,
        settings: &'c Settings,
    ) -> Result<Self, Error> {
        let started = Instant::now();
        let mut said = None;
        loop {
            let held_by = match attempt(db, settings).await.map_err(failed)? {
                Attempt::Taken(holder) => {
                    let beside = beside(db).await;
                    return Ok(Self {
                        holder,
                        beside,
                        settings,
                    });
                }
                Attempt::HeldBy(holder) => holder,
            };
            if started.elapsed() >= settings.lock_wait {
                return Err(Error::Locked {
                    place: place(db, settings).await,
                    seconds: settings.lock_wait.as_secs_f64(),
                    holder: held_by,
                });
            }
            if said.as_ref() != Some(&held_by) {
                let holder = held_by.as_deref().unwrap_or("another migrator");
                tracing::info!("waiting for {holder}");
                said = Some(held_by);
            }
            Delay::new(BETWEEN_TRIES).await;
        }
    }

    /// Returns the connection whose changes are committed when the lock is released, and not before: for the records.
    pub fn record(&self) -> SchemaManagerConnection<'_> {
        match &self.holder {
            Holder::Own(transaction) => transaction.into(),
            Holder::Callers(db) => reborrow(db),
        }
    }

    /// Returns the caller's choices.
    pub fn settings(&self) -> &'c Settings {
        self.settings
    }

    /// Returns a session for steps that see what the holder's transaction has not committed.
    pub fn within(&self) -> Session<'_> {
        Session::new(self.record(), self.settings)
    }

    /// Returns a session for steps that commit by themselves, where there is a connection for them.
    pub fn work(&self) -> Session<'_> {
        match self.beside {
            Some(db) => Session::new(db.into(), self.settings).held_by(self.record()),
            None => Session::new(self.record(), self.settings).of_the_turn(),
        }
    }

    /// Returns whether everything that is done under the lock is committed or rolled back with it. MySQL commits in
    /// between.
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
    /// What the database returned for the end of the transaction.
    pub async fn end(self, end: End) -> Result<(), DbErr> {
        match self.holder {
            Holder::Own(transaction) => {
                let backend = Engine::of(&transaction);
                // MySQL's lock outlives the transaction, and the connection goes back to its pool.
                if backend == Engine::MySql {
                    let word = match end {
                        End::Commit => "COMMIT",
                        End::RollBack => "ROLLBACK",
                    };
                    let ended = transaction.execute_unprepared(word).await;
                    mysql::give_back(&transaction).await?;
                    ended?;
                }
                match end {
                    End::Commit => transaction.commit().await,
                    End::RollBack => transaction.rollback().await,
                }
            }
            Holder::Callers(db) if Engine::of(db) == Engine::MySql => mysql::give_back(db).await,
            Holder::Callers(_) => Ok(()),
        }
    }
}

enum Attempt<'c> {
    Taken(Holder<'c>),
    HeldBy(Option<String>),
}

async fn attempt<'c>(
    db: &'c SchemaManagerConnection<'c>,
    settings: &Settings,
) -> Result<Attempt<'c>, DbErr> {
    let SchemaManagerConnection::Connection(pool) = db else {
        settings.enter(db).await?;
        return Ok(match try_take(db).await? {
            true => Attempt::Taken(Holder::Callers(db)),
            false => Attempt::HeldBy(holder(db).await?),
        });
    };
    let transaction = match begin(pool, settings).await {
        Ok(transaction) => transaction,
        Err(error) if is_in_use(&error) => return Ok(Attempt::HeldBy(None)),
        Err(error) => return Err(error),
    };
    if try_take(&transaction).await? {
        return Ok(Attempt::Taken(Holder::Own(transaction)));
    }
    let holder = holder(&transaction).await?;
    transaction.rollback().await?;
    Ok(Attempt::HeldBy(holder))
}

/// Another connection of the same pool; the lock's own may be all that it has.
async fn beside<'c>(db: &SchemaManagerConnection<'c>) -> Option<&'c DatabaseConnection> {
    let SchemaManagerConnection::Connection(pool) = db else {
        return None;
    };
    // The holder's transaction is SQLite's only writer.
    if Engine::of(*pool) == Engine::Sqlite {
        return None;
    }
    let ping = pin!(pool.ping());
    match select(ping, Delay::new(SECOND_CONNECTION)).await {
        Either::Left((Ok(()), _)) => Some(pool),
        _ => {
            tracing::info!("no second connection: everything is done in one transaction");
            None
        }
    }
}

async fn begin(db: &DatabaseConnection, settings: &Settings) -> Result<DatabaseTransaction, DbErr> {
    match Engine::of(db) {
        Engine::MySql => mysql::begin(db).await,
        Engine::Sqlite => sqlite::begin(db).await,
        Engine::Postgres => postgres::begin(db, settings).await,
    }
}

async fn try_take(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    match Engine::of(db) {
        Engine::MySql => mysql::try_take(db).await,
        Engine::Sqlite => sqlite::try_take(db).await,
        Engine::Postgres => postgres::try_take(db).await,
    }
}

/// Whoever has the lock, as far as this role may know.
async fn holder(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    match Engine::of(db) {
        Engine::MySql => mysql::holder(db).await,
        Engine::Sqlite => sqlite::holder(db).await,
        Engine::Postgres => postgres::holder(db).await,
    }
}

/// Whoever has had these tables longest, as far as this role may know.
pub(crate) async fn blocker(session: &Session<'_>, tables: &[String]) -> Option<String> {
    if session.backend() != Engine::Postgres {
        return None;
    }
    let unit = session.begin_to_read().await.ok()?;
    let blocker = postgres::blocker(&unit.db(), tables).await;
    unit.rollback().await.ok()?;
    blocker.ok().flatten()
}

/// Whoever runs a statement of ours on another connection, and waits.
pub(crate) struct Waiter {
    pid: i32,
    pub(crate) waits_for: String,
}

/// PostgreSQL, asked by the holder of the turn.
pub(crate) async fn waiter(
    session: &Session<'_>,
    table: &str,
    statements: &[String],
) -> Option<Waiter> {
    let statement = statements.join("; ");
    let waiter = postgres::waiter(session.holder()?, table, &statement).await;
    waiter.ok().flatten()
}

/// Ends its statement.
pub(crate) async fn cancel(session: &Session<'_>, waiter: &Waiter) -> Result<(), DbErr> {
    match session.holder() {
        Some(holder) => postgres::cancel(holder, waiter).await,
        None => Ok(()),
    }
}

async fn place(db: &SchemaManagerConnection<'_>, settings: &Settings) -> Option<Place> {
    let session = Session::new(reborrow(db), settings);
    let unit = session.begin_to_read().await.ok()?;
    let place = inspect::place(&unit.db()).await;
    unit.rollback().await.ok()?;
    place.ok()
}

fn failed(source: DbErr) -> Error {
    Error::Lookup {
        looked_for: "the migrators' lock".to_owned(),
        source,
    }
}
