//! What `fresh` needs: to know which required tables are ours, and to drop everything.

use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    Error, Place, apply,
    declare::{Role, Shape},
    engine::Engine,
    facts,
    inspect::{self, Relation},
    plan::{self, not_ours},
    required,
    session::{Session, Settings},
};

/// What a place contains, as far as `fresh` has to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contents {
    /// The place.
    pub place: Place,
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
            place: current.place,
            relations: inspect::relations(db).await?,
            required_made_here,
        })
    }

    /// Returns the error where nothing would make a required table again.
    pub fn would_lack(&self, backend: Engine, table: &str, settings: &Settings) -> Error {
        Error::Refused {
            place: self.place.clone(),
            reasons: vec![format!(
                "after fresh there would be no table {table}: {}",
                not_ours(backend, settings.creation_hint)
            )],
            done: 0,
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
    let unit = session.begin_to_read().await?;
    let db = unit.db();
    let settings = plan::brief_look(session.backend());
    let rows = apply::with(&db, settings, facts::how_many(&db, table)).await;
    unit.rollback().await?;
    rows
}
