//! A connection together with the settings that are applied at the start of each transaction.

use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel,
    TransactionTrait,
};
use sea_orm_migration::SchemaManagerConnection;

use crate::{
    Error, create_required::CreateRequired, engine::Engine, inspect::COORDINATOR_ALONE,
    server_error, sql,
};

/// PostgreSQL: the settings of every transaction, whatever a database or a role begins its sessions with. Texts are
/// what they say, values are printed in one way and with all their digits, and no timeout but ours ends a wait. Names
/// are printed as `quote_all_identifiers` says, and read either way.
const OURS: &str = "SELECT set_config('standard_conforming_strings', 'on', true), \
     set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true), \
     set_config('datestyle', 'ISO', true), set_config('statement_timeout', '0', true), \
     set_config('idle_in_transaction_session_timeout', '0', true), \
     CASE WHEN current_setting('transaction_timeout', true) <> '0' \
          THEN set_config('transaction_timeout', '0', true) END";

/// The choices of a caller.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For how long other sessions are waited for.
    pub lock_wait: Duration,
    /// PostgreSQL: the schema to work in; none is what the connection itself says.
    pub schema: Option<String>,
    /// PostgreSQL: what a transaction finds prepared on its connection.
    pub statements: Statements,
    /// Where a required table may be made.
    pub create_required: CreateRequired,
    /// How a caller can have one made, for the next step of an error.
    pub creation_hint: &'static str,
    /// The name of the table that records migrations, which is not listed among the tables that are found.
    pub records: String,
}

/// PostgreSQL: what a transaction finds prepared on its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statements {
    /// What this client has prepared.
    #[default]
    OfThisClient,
    /// Behind PgBouncer also what others have, under the same names. This client then remembers none.
    OfOthers,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_secs(60),
            schema: None,
            statements: Statements::default(),
            create_required: CreateRequired::default(),
            creation_hint: "",
            records: String::new(),
        }
    }
}

impl Settings {
    /// Says what a transaction of the caller's has to know.
    pub(crate) async fn enter(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        if Engine::of(db) != Engine::Postgres {
            return Ok(());
        }
        let mut words = self.words();
        words.push(COORDINATOR_ALONE.to_owned());
        db.execute_unprepared(&words.join("; ")).await.map(|_| ())
    }

    /// PostgreSQL: begins a transaction and says what it has to know, in one request after BEGIN.
    pub async fn begin(
        &self,
        pool: &DatabaseConnection,
        isolation: &str,
        words: &[&str],
    ) -> Result<DatabaseTransaction, DbErr> {
        match self.begin_with(pool, isolation, words).await {
            // Where nothing is left to write it is not needed, and the first write is refused in its own words.
            Err(error) if isolation == READ_COMMITTED && server_error::is_of_a_standby(&error) => {
                self.begin_with(pool, "SELECT 1", words).await
            }
            begun => begun,
        }
    }

    async fn begin_with(
        &self,
        pool: &DatabaseConnection,
        first: &str,
        words: &[&str],
    ) -> Result<DatabaseTransaction, DbErr> {
        let transaction = pool.begin().await?;
        let ours = self.words();
        let ours = ours.iter().map(String::as_str);
        let all: Vec<&str> = [first, OURS]
            .into_iter()
            .chain(ours)
            .chain(words.iter().copied())
            .collect();
        transaction.execute_unprepared(&all.join("; ")).await?;
        Ok(transaction)
    }

    /// For the transaction alone: behind PgBouncer the next one may have another connection.
    fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.statements == Statements::OfOthers {
            words.push("DEALLOCATE ALL".to_owned());
        }
        if let Some(schema) = &self.schema {
            let schema = sql::identifier(Engine::Postgres, schema);
            words.push(format!("SET LOCAL search_path = {schema}"));
        }
        words
    }
}

/// For a table that is to be read, also where no wait is wanted: an inspection waits for no migrator.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Whether statements may be run that cannot be part of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TxMode {
    Free,
    /// The caller's transaction is open.
    InTransaction,
}

/// A connection together with the settings that are applied at the start of each transaction.
pub struct Session<'c> {
    /// The connection.
    pub db: SchemaManagerConnection<'c>,
    /// The caller's choices.
    pub settings: &'c Settings,
    /// The connection that holds the turn, where it is another.
    holder: Option<SchemaManagerConnection<'c>>,
    transaction: Whose,
}

/// Who has begun the transaction that a session is in, where it is in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Callers,
    Turns,
}

/// A transaction guard: a transaction of our own, or the caller's where it can have none.
pub enum Unit<'s> {
    /// Ours.
    Own(DatabaseTransaction),
    /// The caller's.
    Callers(&'s SchemaManagerConnection<'s>),
}

impl<'c> Session<'c> {
    /// Returns a session on this connection.
    pub fn new(db: SchemaManagerConnection<'c>, settings: &'c Settings) -> Self {
        Self {
            db,
            settings,
            holder: None,
            transaction: Whose::Callers,
        }
    }

    pub(crate) fn held_by(self, holder: SchemaManagerConnection<'c>) -> Self {
        Self {
            holder: Some(holder),
            ..self
        }
    }

    /// In the transaction that holds the turn.
    pub(crate) fn of_the_turn(self) -> Self {
        Self {
            transaction: Whose::Turns,
            ..self
        }
    }

    /// Commits the rows that were changed in a transaction of [`begin_for_rows`](Self::begin_for_rows), where nobody
    /// else has to agree. Says whether that is done.
    pub(crate) async fn commit_rows(&self) -> Result<bool, DbErr> {
        match (&self.db, self.transaction, self.backend()) {
            (SchemaManagerConnection::Connection(_), ..) => Ok(true),
            // Each of its statements of DDL commits too, and the turn goes on.
            (transaction, Whose::Turns, Engine::MySql) => {
                transaction.execute_unprepared("COMMIT").await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Returns the same session with other choices.
    pub fn with(self, settings: &'c Settings) -> Self {
        Self { settings, ..self }
    }

    pub(crate) fn holder(&self) -> Option<&SchemaManagerConnection<'c>> {
        self.holder.as_ref()
    }

    /// Returns an error where the connection that holds the migration lock was lost, and the lock with it: to be asked
    /// after work that took its time on another connection.
    pub(crate) async fn require_turn(&self) -> Result<(), Error> {
        let Some(holder) = &self.holder else {
            return Ok(());
        };
        let answered = holder.execute_unprepared("SELECT 1").await.map(|_| ());
        answered.map_err(Error::looking_for("this migrator's turn"))
    }

    /// Returns the engine.
    pub fn backend(&self) -> Engine {
        Engine::of(&self.db)
    }

    /// Statements that no transaction takes can only be run where the caller has begun none. MySQL ends
    /// the caller's with each of them.
    pub(crate) fn tx_mode(&self) -> TxMode {
        match &self.db {
            SchemaManagerConnection::Connection(_) => TxMode::Free,
            _ if self.backend() == Engine::MySql => TxMode::Free,
            _ => TxMode::InTransaction,
        }
    }

    /// Returns whether one statement outside a transaction reads what one in a transaction would.
    pub(crate) fn reads_at_once(&self) -> bool {
        let has_pool = matches!(self.db, SchemaManagerConnection::Connection(_));
        let enters_nothing = self.settings.words().is_empty();
        self.backend() == Engine::Postgres && has_pool && enters_nothing
    }

    /// Begins a read-only transaction on a consistent snapshot, so that catalog queries agree even while other
    /// sessions run DDL.
    ///
    /// # Errors
    ///
    /// What the database returned.
    pub async fn begin_to_read(&self) -> Result<Unit<'_>, DbErr> {
        let mode = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        Ok(Unit::Own(match (&self.db, self.backend()) {
            (SchemaManagerConnection::Connection(pool), Engine::Postgres) => {
                let wait = self.settings.lock_wait.max(SHORTEST_WAIT).as_millis();
                let wait = format!(
                    "DO $wait$ BEGIN SET LOCAL citus.propagate_set_commands = 'local'; \
                     SET LOCAL lock_timeout = '{wait}ms'; END $wait$"
                );
                self.settings.begin(pool, mode, &[&wait]).await?
            }
            (SchemaManagerConnection::Connection(pool), Engine::MySql) => {
                let isolation = Some(IsolationLevel::RepeatableRead);
                pool.begin_with_config(isolation, Some(AccessMode::ReadOnly))
                    .await?
            }
            // The savepoint is rolled back, and the settings with it.
            (callers, Engine::Postgres) => {
                let savepoint = callers.begin().await?;
                savepoint.execute_unprepared(OURS).await?;
                savepoint
            }
            // SQLite has no such words, and the caller's transaction has its own.
            _ => return self.begin().await,
        }))
    }

    /// Begins a transaction that may write. A caller's transaction keeps its own isolation level.
    pub async fn begin(&self) -> Result<Unit<'_>, DbErr> {
        self.begin_saying(&[]).await
    }

    /// The same; on PostgreSQL with these words about a transaction of its own.
    pub(crate) async fn begin_saying(&self, words: &[&str]) -> Result<Unit<'_>, DbErr> {
        match &self.db {
            SchemaManagerConnection::Connection(pool) if self.backend() == Engine::Postgres => {
                let begun = self.settings.begin(pool, READ_COMMITTED, words).await?;
                Ok(Unit::Own(begun))
            }
            SchemaManagerConnection::Connection(pool) => Ok(Unit::Own(begin_to_write(pool).await?)),
            // Its first DDL statement would end the caller's transaction, and every savepoint with it.
            _ if self.backend() == Engine::MySql => Ok(Unit::Callers(&self.db)),
            callers => Ok(Unit::Own(callers.begin().await?)),
        }
    }

    /// The same, where no statement is one of DDL.
    pub(crate) async fn begin_for_rows(&self, words: &[&str]) -> Result<Unit<'_>, DbErr> {
        match (&self.db, self.backend()) {
            (SchemaManagerConnection::Connection(_), _)
            | (_, Engine::Postgres | Engine::Sqlite) => self.begin_saying(words).await,
            (callers, _) => {
                begin_where_none_is_open(callers).await?;
                Ok(Unit::Own(callers.begin().await?))
            }
        }
    }
}

/// An earlier statement of DDL has ended the caller's transaction, and a savepoint holds only in one.
async fn begin_where_none_is_open(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    db.execute_unprepared("SAVEPOINT colpali_is_open").await?;
    match db
        .execute_unprepared("RELEASE SAVEPOINT colpali_is_open")
        .await
    {
        Err(error) if server_error::is_without_savepoint(&error) => {
            let begin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION";
            db.execute_unprepared(begin).await.map(|_| ())
        }
        outcome => outcome.map(|_| ()),
    }
}

/// SeaORM would prepare this statement, which fails behind a pooler where another client has prepared one of the
/// same name.
pub(crate) const READ_COMMITTED: &str =
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE";

/// Begins a transaction whose isolation level is explicit: a server, a database or a role may have
/// another default.
///
/// PostgreSQL: a transaction at a higher level keeps its snapshot, which blocks `CREATE INDEX
/// CONCURRENTLY` and hides what was recorded while it waited for the lock. MySQL: SERIALIZABLE makes
/// every reader lock the rows that it reads, and READ COMMITTED allows no binary log of statements.
pub async fn begin_to_write(pool: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match Engine::of(pool) {
        Engine::MySql => {
            let isolation = Some(IsolationLevel::RepeatableRead);
            let access = Some(AccessMode::ReadWrite);
            pool.begin_with_config(isolation, access).await
        }
        Engine::Postgres => Settings::default().begin(pool, READ_COMMITTED, &[]).await,
        // SQLite has one isolation level.
        Engine::Sqlite => pool.begin().await,
    }
}

impl Unit<'_> {
    /// Returns the connection within the transaction.
    pub fn db(&self) -> SchemaManagerConnection<'_> {
        match self {
            Self::Own(transaction) => transaction.into(),
            Self::Callers(db) => reborrow(db),
        }
    }

    /// Commits a transaction of our own.
    ///
    /// # Errors
    ///
    /// What the database returned.
    pub async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Own(transaction) => transaction.commit().await,
            Self::Callers(_) => Ok(()),
        }
    }

    /// Rolls a transaction of our own back.
    ///
    /// # Errors
    ///
    /// What the database returned.
    pub async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Own(transaction) => transaction.rollback().await,
            Self::Callers(_) => Ok(()),
        }
    }
}

/// Returns the same connection for a shorter time.
pub fn reborrow<'s>(db: &'s SchemaManagerConnection<'_>) -> SchemaManagerConnection<'s> {
    match db {
        SchemaManagerConnection::Connection(pool) => SchemaManagerConnection::Connection(pool),
        SchemaManagerConnection::Transaction(transaction) => {
            SchemaManagerConnection::Transaction(transaction)
        }
        SchemaManagerConnection::OwnedTransaction(transaction) => transaction.into(),
    }
}
