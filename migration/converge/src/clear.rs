//! What `fresh` needs: to know which required tables the migrations created, and to drop
//! everything.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::SchemaManagerConnection;

use crate::{
    Error, Location, apply,
    declare::{Role, Shape},
    engine::Engine,
    facts,
    inspect::{self, Relation},
    plan::{self, not_ours},
    required,
    session::{Session, Settings, TransactionGuard},
};

/// The contents of a database or schema, as far as `fresh` needs them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contents {
    /// The database and schema.
    pub location: Location,
    /// Every table and view that would be dropped.
    pub relations: Vec<Relation>,
    /// The required tables that the migrations created.
    pub required_made_here: Vec<String>,
}

impl Contents {
    /// Inspects the contents.
    ///
    /// # Errors
    ///
    /// [`Error::Lookup`] if the catalog cannot be read.
    pub async fn of(
        db: &impl ConnectionTrait,
        settings: &Settings,
        shape: &Shape,
    ) -> Result<Self, Error> {
        let current = inspect::read(db, settings, shape).await?;
        let mut required_made_here = Vec::new();
        for declared in shape.tables.iter().filter(|one| one.role != Role::Own) {
            if required::is_ours(db, &current, declared).await? {
                required_made_here.push(declared.table.name.clone());
            }
        }
        Ok(Self {
            location: current.location,
            relations: inspect::relations(db).await?,
            required_made_here,
        })
    }

    /// Returns the error of a required table that nothing would create again.
    pub fn would_lack(&self, backend: Engine, table: &str, settings: &Settings) -> Error {
        Error::Refused {
            location: self.location.clone(),
            reasons: vec![format!(
                "after fresh there would be no table {table}: {}",
                not_ours(backend, settings.creation_hint)
            )],
            has_orphans: false,
            done: 0,
        }
    }
}

/// The transaction in which everything is dropped and created again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearing {
    /// The transaction of the migration lock.
    WithTheLock,
    /// A transaction of its own, before anything is created. Citus creates the sequence of a table
    /// on another connection than the one on which it has dropped a sequence of that name, and that
    /// connection would wait for this one.
    Apart,
}

impl Clearing {
    /// Returns how the database or schema of this connection is cleared.
    ///
    /// # Errors
    ///
    /// [`Error::Lookup`] if the catalog cannot be read.
    pub async fn of(db: &impl ConnectionTrait) -> Result<Self, Error> {
        if Engine::of(db) != Engine::Postgres {
            return Ok(Self::WithTheLock);
        }
        let managed = inspect::manages_any(db).await;
        Ok(
            match managed.map_err(Error::looking_for("the tables of Citus"))? {
                true => Self::Apart,
                false => Self::WithTheLock,
            },
        )
    }

    /// Begins the transaction.
    ///
    /// # Errors
    ///
    /// The database's error.
    pub async fn begin<'s>(
        self,
        lock: &'s SchemaManagerConnection<'s>,
        work: &'s Session<'s>,
    ) -> Result<TransactionGuard<'s>, DbErr> {
        match self {
            Self::WithTheLock => Ok(TransactionGuard::of_callers(lock)),
            Self::Apart => work.begin_saying(&[apply::POLITE]).await,
        }
    }
}

/// Drops all of these and nothing else, in the open transaction. Fails if another object depends on
/// one of them.
///
/// # Errors
///
/// [`Error::Step`] if the database refuses.
pub async fn drop_all(db: &impl ConnectionTrait, relations: &[Relation]) -> Result<(), Error> {
    let step = plan::drop_all(Engine::of(db), relations);
    apply::run_within(db, &step).await
}

/// Returns the number of a table's rows in words, counted up to a million. Gives up if another
/// session has locked the table.
///
/// # Errors
///
/// The database's error.
pub async fn how_many(session: &Session<'_>, table: &str) -> Result<String, DbErr> {
    let transaction = session.begin_to_read().await?;
    let db = transaction.db();
    let settings = plan::brief_look(session.backend());
    let rows = apply::with(&db, settings, facts::how_many(&db, table)).await;
    transaction.rollback().await?;
    rows
}
