//! What `fresh` needs: to know which required tables are ours, and to drop everything.

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

/// What a place contains, as far as `fresh` has to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contents {
    /// The place.
    pub location: Location,
    /// Every table and view that would be dropped.
    pub relations: Vec<Relation>,
    /// The required tables that the migrations have made themselves.
    pub required_made_here: Vec<String>,
}

impl Contents {
    /// Inspects what the place contains.
    ///
    /// # Errors
    ///
    /// [`Error::Lookup`] where the catalog cannot be read.
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

    /// Returns the error where nothing would make a required table again.
    pub fn would_lack(&self, backend: Engine, table: &str, settings: &Settings) -> Error {
        Error::Refused {
            location: self.location.clone(),
            reasons: vec![format!(
                "after fresh there would be no table {table}: {}",
                not_ours(backend, settings.creation_hint)
            )],
            done: 0,
        }
    }
}

/// In which transaction everything is dropped and made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearing {
    /// In that of the migration lock.
    WithTheLock,
    /// In one of its own, before anything is made: Citus makes the sequence of a table on another connection than the
    /// one on which it has dropped one of that name, and that connection would wait for this.
    Apart,
}

impl Clearing {
    /// Returns how the place of this connection is cleared.
    ///
    /// # Errors
    ///
    /// [`Error::Lookup`] where the catalog cannot be read.
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
    /// What the database returned.
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

/// Drops all of these and nothing else, in the transaction that is open: where another object depends on one, it
/// fails.
///
/// # Errors
///
/// [`Error::Step`] where the database refuses.
pub async fn drop_all(db: &impl ConnectionTrait, relations: &[Relation]) -> Result<(), Error> {
    let step = plan::drop_all(Engine::of(db), relations);
    apply::run_within(db, &step).await
}

/// Counts the rows of a table up to a million, in words, and gives up where another session has locked the table.
///
/// # Errors
///
/// What the database returned.
pub async fn how_many(session: &Session<'_>, table: &str) -> Result<String, DbErr> {
    let transaction = session.begin_to_read().await?;
    let db = transaction.db();
    let settings = plan::brief_look(session.backend());
    let rows = apply::with(&db, settings, facts::how_many(&db, table)).await;
    transaction.rollback().await?;
    rows
}
