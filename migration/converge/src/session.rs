//! A connection together with the settings that are applied at the start of each transaction.

use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel,
    TransactionTrait,
};
use sea_orm_migration::SchemaManagerConnection;

use crate::{
    Error, citus, create_required::CreateRequired, engine::Engine, patience::Patience,
    query::has_rows, server_error, sql,
};

pub use crate::patience::BRIEFLY;

/// PostgreSQL: the settings of every transaction, whatever a database or a role sets for its
/// sessions. Texts are taken literally, values are printed in one form and with all digits, and
/// only our timeouts end a wait. Names are printed as `quote_all_identifiers` says, and read in
/// either form. JIT is off because a catalog query is large and runs for milliseconds, while
/// compiling it may take seconds. The query returns one row, and another one on Citus.
const OURS: &str = "SELECT set_config('standard_conforming_strings', 'on', true), set_config('jit', 'off', true), \
     set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true), \
     set_config('datestyle', 'ISO', true), set_config('statement_timeout', '0', true), \
     set_config('idle_in_transaction_session_timeout', '0', true), \
     CASE WHEN current_setting('transaction_timeout', true) <> '0' \
          THEN set_config('transaction_timeout', '0', true) END \
     FROM (VALUES (true), (to_regclass('pg_catalog.pg_dist_local_group') IS NOT NULL)) rows (is_one) WHERE is_one";

/// Citus must not pass on anything of what follows in the same request, because it would send the
/// whole request. No query may come before SET TRANSACTION, which would be passed on too.
const ALONE: &str = "SET LOCAL citus.propagate_set_commands = 'none'";

/// The number of rows on a server without Citus. Such a request contains only settings in addition.
const ROWS_OF_OURS: u64 = 1;

/// The settings of a caller.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long other sessions are waited for.
    pub lock_wait: Duration,
    /// How large a table may be that is copied or rewritten, in bytes.
    pub max_rewrite: u64,
    /// What may be run to converge; `None` allows anything.
    pub planned: Option<Planned>,
    /// The schema of PostgreSQL to work in; `None` is the connection's own.
    pub schema: Option<String>,
    /// PostgreSQL: what a transaction finds prepared on its connection.
    pub statements: Statements,
    /// Where a required table may be created.
    pub create_required: CreateRequired,
    /// How a caller can have one created, for the next step of an error.
    pub creation_hint: &'static str,
    /// The name of the table that records migrations, which is not listed among the tables that are
    /// found.
    pub records: String,
}

/// What was reviewed, and may be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// The statements.
    pub statements: Vec<String>,
    /// The differences that they fix: the table, the part and what was found, [without
    /// numbers](Self::without_numbers).
    pub found: Vec<(String, String, String)>,
}

impl Planned {
    /// Returns what was found without its numbers, which change as rows come and go.
    pub fn without_numbers(found: &str) -> String {
        found.chars().filter(|one| !one.is_ascii_digit()).collect()
    }
}

/// PostgreSQL: what a transaction finds prepared on its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statements {
    /// What this client has prepared.
    #[default]
    OfThisClient,
    /// Behind PgBouncer also what other clients have prepared, under the same names. This client
    /// then caches no statement.
    OfOthers,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_secs(60),
            max_rewrite: 1 << 30,
            planned: None,
            schema: None,
            statements: Statements::default(),
            create_required: CreateRequired::default(),
            creation_hint: "",
            records: String::new(),
        }
    }
}

impl Settings {
    /// Makes the settings that a caller's transaction needs.
    pub(crate) async fn enter(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        if Engine::of(db) != Engine::Postgres {
            return Ok(());
        }
        let mut words = self.words();
        words.push(citus::IS_THERE.to_owned());
        if has_rows(db, &words.join("; ")).await? {
            db.execute_unprepared(citus::COORDINATOR_ALONE).await?;
        }
        Ok(())
    }

    /// Begins a transaction of PostgreSQL and makes its settings, in one request after BEGIN.
    ///
    /// # Errors
    ///
    /// The database's error.
    pub async fn begin(
        &self,
        pool: &DatabaseConnection,
        isolation: &str,
        words: &[&str],
    ) -> Result<DatabaseTransaction, DbErr> {
        match self.begin_with(pool, isolation, words).await {
            Err(error) if isolation == READ_COMMITTED && server_error::is_unsupported(&error) => {
                self.begin_on_a_standby(pool, words).await.ok_or(error)
            }
            begun => begun,
        }
    }

    /// Begins a transaction on a standby. If nothing is left to write no other mode is needed, and
    /// the first write is refused with its own message.
    async fn begin_on_a_standby(
        &self,
        pool: &DatabaseConnection,
        words: &[&str],
    ) -> Option<DatabaseTransaction> {
        let transaction = self
            .begin_with(pool, "SET TRANSACTION READ ONLY", words)
            .await
            .ok()?;
        let is_standby = has_rows(&transaction, "SELECT 1 WHERE pg_is_in_recovery()").await;
        is_standby.is_ok_and(|is_one| is_one).then_some(transaction)
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
        let all: Vec<&str> = [ALONE, first, OURS]
            .into_iter()
            .chain(ours)
            .chain(words.iter().copied())
            .collect();
        let rows = transaction.execute_unprepared(&all.join("; ")).await?;
        if rows.rows_affected() > ROWS_OF_OURS {
            transaction
                .execute_unprepared(&citus::entering(words))
                .await?;
        }
        Ok(transaction)
    }

    /// Returns the settings, which apply to one transaction: behind PgBouncer the next one may have
    /// another connection.
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
    /// The caller's settings.
    pub settings: &'c Settings,
    /// The connection that holds the lock, if it is another one.
    holder: Option<SchemaManagerConnection<'c>>,
    transaction: Whose,
}

/// Which program has begun the transaction that a session is in, if it is in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Callers,
    Lock,
}

/// A transaction guard: a transaction of our own, or the caller's if ours cannot be begun within
/// it.
pub struct TransactionGuard<'s> {
    scope: Scope<'s>,
    patience: Patience,
}

enum Scope<'s> {
    Transaction(DatabaseTransaction),
    Savepoint(DatabaseTransaction),
    Callers(&'s SchemaManagerConnection<'s>),
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is committed.
    Commit,
    /// It is rolled back.
    RollBack,
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

    /// Returns a session in the transaction that holds the lock.
    pub(crate) fn of_the_lock(self) -> Self {
        Self {
            transaction: Whose::Lock,
            ..self
        }
    }

    /// Commits the rows that were changed in a transaction of
    /// [`begin_for_rows`](Self::begin_for_rows), if the transaction is ours to commit. Returns
    /// whether that was done.
    pub(crate) async fn commit_rows(&self) -> Result<bool, DbErr> {
        match (&self.db, self.transaction, self.backend()) {
            (SchemaManagerConnection::Connection(_), ..) => Ok(true),
            // Each of its DDL statements commits too, and the lock is kept.
            (transaction, Whose::Lock, Engine::MySql) => {
                transaction.execute_unprepared("COMMIT").await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Returns the same session with other settings.
    pub fn with(self, settings: &'c Settings) -> Self {
        Self { settings, ..self }
    }

    pub(crate) fn holder(&self) -> Option<&SchemaManagerConnection<'c>> {
        self.holder.as_ref()
    }

    /// Requires that the connection that holds the migration lock still exists, and the lock with
    /// it. This is asked after long work on another connection.
    pub(crate) async fn require_turn(&self) -> Result<(), Error> {
        let Some(holder) = &self.holder else {
            return Ok(());
        };
        let answered = holder.execute_unprepared("SELECT 1").await.map(|_| ());
        answered.map_err(Error::looking_for("the migration lock"))
    }

    /// Returns the engine.
    pub fn backend(&self) -> Engine {
        Engine::of(&self.db)
    }

    /// Returns whether statements may be run that no transaction accepts. This is so only if the
    /// caller has begun no transaction; MySQL ends the caller's with each of them.
    pub(crate) fn tx_mode(&self) -> TxMode {
        match &self.db {
            SchemaManagerConnection::Connection(_) => TxMode::Free,
            _ if self.backend() == Engine::MySql => TxMode::Free,
            _ => TxMode::InTransaction,
        }
    }

    /// Returns whether one statement outside of a transaction reads the same as one in a
    /// transaction.
    pub(crate) fn reads_at_once(&self) -> bool {
        let has_pool = matches!(self.db, SchemaManagerConnection::Connection(_));
        let enters_nothing = self.settings.words().is_empty();
        self.backend() == Engine::Postgres && has_pool && enters_nothing
    }

    /// Begins a read-only transaction on a consistent snapshot, so that catalog queries agree even
    /// while other sessions run DDL.
    ///
    /// # Errors
    ///
    /// The database's error.
    pub async fn begin_to_read(&self) -> Result<TransactionGuard<'_>, DbErr> {
        let mode = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        match (&self.db, self.backend()) {
            (SchemaManagerConnection::Connection(pool), Engine::Postgres) => {
                let begun = self.settings.begin(pool, mode, &[BRIEFLY]).await?;
                self.transaction(Scope::Transaction(begun)).await
            }
            (SchemaManagerConnection::Connection(pool), Engine::MySql) => {
                let begun = begin_of_mysql(pool, AccessMode::ReadOnly).await?;
                self.transaction(Scope::Transaction(begun)).await
            }
            // The savepoint is rolled back, and the settings with it.
            (callers, Engine::Postgres) => {
                let savepoint = callers.begin().await?;
                savepoint.execute_unprepared(OURS).await?;
                self.transaction(Scope::Savepoint(savepoint)).await
            }
            // SQLite has no such statement, and the caller's transaction has its own mode.
            _ => self.begin().await,
        }
    }

    /// Returns a guard. PostgreSQL's transactions of our own limit their waits; under the migration
    /// lock, its holder does that for all.
    async fn transaction<'s>(&'s self, scope: Scope<'s>) -> Result<TransactionGuard<'s>, DbErr> {
        let mut transaction = TransactionGuard {
            scope,
            patience: Patience::OF_THE_TRANSACTION,
        };
        transaction.patience = match (&transaction.scope, self.backend(), self.transaction) {
            (Scope::Transaction(_), Engine::Postgres, _) => {
                Patience::of_a_commit(self.settings.lock_wait)
            }
            (Scope::Savepoint(_) | Scope::Callers(_), _, Whose::Lock) => {
                Patience::OF_THE_TRANSACTION
            }
            (Scope::Transaction(_), Engine::MySql | Engine::Sqlite, _) => {
                Patience::of_our_own(&transaction.db(), self.settings.lock_wait).await?
            }
            (Scope::Savepoint(_) | Scope::Callers(_), _, Whose::Callers) => {
                Patience::limit(&transaction.db(), self.settings.lock_wait).await?
            }
        };
        Ok(transaction)
    }

    /// Begins a transaction that may write. A caller's transaction keeps its own isolation level.
    ///
    /// # Errors
    ///
    /// The database's error.
    pub async fn begin(&self) -> Result<TransactionGuard<'_>, DbErr> {
        self.begin_saying(&[]).await
    }

    /// Begins a transaction that may write, in which no statement of PostgreSQL waits for another
    /// session longer than one attempt.
    ///
    /// # Errors
    ///
    /// The database's error.
    pub async fn begin_briefly(&self) -> Result<TransactionGuard<'_>, DbErr> {
        self.begin_saying(&[BRIEFLY]).await
    }

    /// Begins a transaction that may write, on PostgreSQL with these settings.
    pub(crate) async fn begin_saying(&self, words: &[&str]) -> Result<TransactionGuard<'_>, DbErr> {
        match &self.db {
            SchemaManagerConnection::Connection(pool) if self.backend() == Engine::Postgres => {
                let begun = self.settings.begin(pool, READ_COMMITTED, words).await?;
                self.transaction(Scope::Transaction(begun)).await
            }
            SchemaManagerConnection::Connection(pool) => {
                let begun = begin_to_write(pool).await?;
                self.transaction(Scope::Transaction(begun)).await
            }
            // The first DDL statement would end the caller's transaction, and every savepoint with
            // it.
            _ if self.backend() == Engine::MySql => {
                self.transaction(Scope::Callers(&self.db)).await
            }
            callers => {
                self.transaction(Scope::Savepoint(callers.begin().await?))
                    .await
            }
        }
    }

    /// Begins a transaction that may write and contains no DDL statement.
    pub(crate) async fn begin_for_rows(
        &self,
        words: &[&str],
    ) -> Result<TransactionGuard<'_>, DbErr> {
        match (&self.db, self.backend()) {
            (SchemaManagerConnection::Connection(_), _)
            | (_, Engine::Postgres | Engine::Sqlite) => self.begin_saying(words).await,
            (callers, _) => {
                begin_where_none_is_open(callers).await?;
                self.transaction(Scope::Savepoint(callers.begin().await?))
                    .await
            }
        }
    }
}

/// Begins a transaction if none is open. An earlier DDL statement has ended the caller's
/// transaction, and a savepoint exists only within one.
async fn begin_where_none_is_open(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    db.execute_unprepared("SAVEPOINT colpali_is_open").await?;
    match db
        .execute_unprepared("RELEASE SAVEPOINT colpali_is_open")
        .await
    {
        Err(error) if server_error::is_without_savepoint(&error) => {
            let begin = format!("{REPEATABLE_READ}; START TRANSACTION");
            db.execute_unprepared(&begin).await.map(|_| ())
        }
        outcome => outcome.map(|_| ()),
    }
}

/// The statement of MySQL that sets the level of the next transaction. READ COMMITTED, which may be
/// the session's own, allows no binary log of statements.
pub(crate) const REPEATABLE_READ: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";

/// The statement that sets the isolation level. SeaORM would prepare it, which fails behind a
/// pooler if another client has prepared one of the same name.
pub(crate) const READ_COMMITTED: &str =
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE";

/// Begins a transaction with an explicit isolation level, because a server, a database or a role
/// may have another default.
///
/// On PostgreSQL, a transaction at a higher level keeps its snapshot, which blocks
/// `CREATE INDEX CONCURRENTLY` and hides what was recorded while the transaction waited for the
/// lock. On MySQL, SERIALIZABLE makes every reader lock the rows that it reads, and READ COMMITTED
/// allows no binary log of statements.
///
/// # Errors
///
/// The database's error.
pub async fn begin_to_write(pool: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match Engine::of(pool) {
        Engine::MySql => begin_of_mysql(pool, AccessMode::ReadWrite).await,
        Engine::Postgres => Settings::default().begin(pool, READ_COMMITTED, &[]).await,
        // SQLite has one isolation level.
        Engine::Sqlite => pool.begin().await,
    }
}

/// Begins a transaction of MySQL. In a session mode in which none can begin, the server reports a
/// syntax error.
async fn begin_of_mysql(
    pool: &DatabaseConnection,
    access: AccessMode,
) -> Result<DatabaseTransaction, DbErr> {
    let isolation = Some(IsolationLevel::RepeatableRead);
    match pool.begin_with_config(isolation, Some(access)).await {
        Err(error) if server_error::is_of_syntax(&error) => Err(DbErr::Custom(format!(
            "no transaction begins: {}; where sql_mode has ORACLE, BEGIN opens a block: \
             take it out of the sql_mode of the pool's sessions",
            server_error::message(&error)
        ))),
        begun => begun,
    }
}

impl<'s> TransactionGuard<'s> {
    /// Returns a guard of the transaction that is open on this connection.
    pub(crate) fn of_callers(db: &'s SchemaManagerConnection<'s>) -> Self {
        Self {
            scope: Scope::Callers(db),
            patience: Patience::OF_THE_TRANSACTION,
        }
    }
}

impl TransactionGuard<'_> {
    /// Returns the connection within the transaction.
    pub fn db(&self) -> SchemaManagerConnection<'_> {
        match &self.scope {
            Scope::Transaction(transaction) | Scope::Savepoint(transaction) => transaction.into(),
            Scope::Callers(db) => reborrow(db),
        }
    }

    /// Returns whether the transaction is the caller's, and ends only with it.
    pub fn is_callers(&self) -> bool {
        matches!(self.scope, Scope::Callers(_))
    }

    /// Commits a transaction of our own.
    ///
    /// # Errors
    ///
    /// The database's error.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.end(End::Commit).await
    }

    /// Rolls back a transaction of our own.
    ///
    /// # Errors
    ///
    /// The database's error.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.end(End::RollBack).await
    }

    async fn end(self, how: End) -> Result<(), DbErr> {
        let Self { scope, patience } = self;
        match (scope, how) {
            (Scope::Transaction(transaction), _) => end(transaction, &patience, how).await,
            // The settings of a savepoint are rolled back with it.
            (Scope::Savepoint(savepoint), End::RollBack)
                if Engine::of(&savepoint) == Engine::Postgres =>
            {
                savepoint.rollback().await
            }
            (Scope::Savepoint(savepoint), _) => {
                patience.give_back(&savepoint).await?;
                match how {
                    End::Commit => savepoint.commit().await,
                    End::RollBack => savepoint.rollback().await,
                }
            }
            (Scope::Callers(db), _) => patience.give_back(db).await,
        }
    }
}

/// Ends a transaction of our own, and then restores its connection's settings, because a COMMIT
/// waits too.
pub(crate) async fn end(
    transaction: DatabaseTransaction,
    patience: &Patience,
    how: End,
) -> Result<(), DbErr> {
    if !patience.is_changed() {
        return match how {
            End::Commit => patience.commit(transaction).await,
            End::RollBack => transaction.rollback().await,
        };
    }
    let word = match how {
        End::Commit => {
            patience.prepare_commit(&transaction).await?;
            "COMMIT"
        }
        End::RollBack => "ROLLBACK",
    };
    let ended = transaction.execute_unprepared(word).await;
    let given_back = patience.give_back(&transaction).await;
    if ended.is_ok() && Engine::of(&transaction) == Engine::Sqlite {
        // The driver ends one more transaction.
        transaction.execute_unprepared("BEGIN").await?;
    }
    let rolled_back = transaction.rollback().await;
    ended?;
    given_back.and(rolled_back)
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
