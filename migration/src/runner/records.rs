//! The records of applied migrations.

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use sea_orm_migration::{MigrationTrait, SchemaManagerConnection};
use sea_query::{Expr, ExprTrait, Query};

use converge::{
    Engine, Shape, has_rows, is_in_use, is_lost_race,
    session::{BRIEFLY, Session},
};

use super::{
    record_form::{self, Use},
    settings::Settings,
};
use crate::{Error, versions};

/// Returns whether every migration is recorded, and no other: the only question of a service that
/// starts.
///
/// Returns false if the records cannot be read, because then there is something to do or to report.
pub(super) async fn are_complete(session: &Session<'_>, settings: &Settings) -> bool {
    // An error would end the caller's transaction.
    if !matches!(session.db, SchemaManagerConnection::Connection(_)) {
        return false;
    }
    let all = (settings.migrations)();
    let applied = match session.backend() {
        Engine::Postgres => {
            let names: Vec<&str> = all.iter().map(|one| one.name()).collect();
            let schema = settings.engine.schema.as_deref();
            let complete = settings.records.complete(schema, &names);
            let complete = format!("{BRIEFLY}; {complete}");
            return has_rows(&session.db, &complete).await.unwrap_or(false);
        }
        Engine::MySql | Engine::Sqlite => applied_at_once(session, settings).await,
    };
    applied.is_ok_and(|applied| {
        applied.len() == all.len() && all.iter().all(|one| is_in(&applied, one.as_ref()))
    })
}

async fn applied_at_once(session: &Session<'_>, settings: &Settings) -> Result<Vec<String>, DbErr> {
    let transaction = session.begin_to_read().await?;
    let applied = applied(&transaction.db(), settings).await;
    transaction.rollback().await?;
    applied
}

/// A migration of the migrator's list, and when it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationRecord {
    /// The name of the migration.
    pub name: String,
    /// The recorded time, in seconds since 1970 (UTC). `None` if the migration is pending.
    pub applied_at: Option<i64>,
}

/// Returns whether there is a migration table in which a migration can be recorded.
pub(super) async fn are_kept(session: &Session<'_>, settings: &Settings) -> Result<bool, Error> {
    let transaction = session.begin_to_read().await?;
    let are_kept = is_installed(&transaction.db(), settings, Use::Insert).await;
    transaction.rollback().await?;
    are_kept
}

/// Returns every migration, in order.
pub(super) async fn all(
    session: &Session<'_>,
    settings: &Settings,
) -> Result<Vec<MigrationRecord>, Error> {
    let transaction = session.begin_to_read().await?;
    let applied = known_times(&transaction.db(), settings).await;
    transaction.rollback().await?;
    let applied = applied?;
    let record = |migration: Box<dyn MigrationTrait>| {
        let found = applied.iter().find(|(name, _)| name == migration.name());
        MigrationRecord {
            name: migration.name().to_owned(),
            applied_at: found.map(|(_, time)| *time),
        }
    };
    Ok((settings.migrations)().into_iter().map(record).collect())
}

/// Returns when each migration was applied, and requires that all are in the list.
async fn known_times(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<Vec<(String, i64)>, Error> {
    if !is_installed(db, settings, Use::Times).await? {
        return Ok(Vec::new());
    }
    let applied = times(db, settings).await?;
    let names: Vec<String> = applied.iter().map(|(name, _)| name.clone()).collect();
    refuse_unknown(db, settings, &names).await?;
    Ok(applied)
}

async fn times(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<Vec<(String, i64)>, DbErr> {
    let rows = rows(db, settings).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// Returns the shape that the whole list declares.
pub(super) fn listed_shape(settings: &Settings) -> Result<Option<Shape>, Error> {
    let all = (settings.migrations)();
    let names: Vec<String> = all.iter().map(|one| one.name().to_owned()).collect();
    versions::at_newest_of(&names)
}

/// Returns the tables that other sessions may be using.
pub(super) fn tables(settings: &Settings) -> Result<Vec<String>, Error> {
    let shape = listed_shape(settings)?;
    let declared = shape
        .iter()
        .flat_map(|shape| shape.own_tables().chain(shape.required_tables()));
    let tables = declared.chain([settings.records.name()]);
    Ok(tables.map(str::to_owned).collect())
}

/// Returns whether external migrations are applied before ours, and may create what ours need.
pub(super) fn others_come_first(settings: &Settings) -> bool {
    let all = (settings.migrations)();
    let first = all.first();
    first.is_none_or(|first| !versions::is_declared(first.name()))
}

/// What is known about the form of the migration table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Fits,
    /// The form has to fit this use.
    Unknown(Use),
}

/// Returns the migrations that are not recorded, in order; `None` if there is no migration table.
///
/// They are read in a transaction that ends. Citus may have the records on another node, where a
/// session that builds an index waits for a transaction that has read them.
pub(super) async fn pending(
    session: &Session<'_>,
    settings: &Settings,
    form: Form,
) -> Result<Option<Vec<Box<dyn MigrationTrait>>>, Error> {
    let transaction = session.begin_to_read().await?;
    let pending = pending_of(&transaction.db(), settings, form).await;
    transaction.rollback().await?;
    pending
}

async fn pending_of(
    db: &impl ConnectionTrait,
    settings: &Settings,
    form: Form,
) -> Result<Option<Vec<Box<dyn MigrationTrait>>>, Error> {
    let is_there = match form {
        Form::Fits => is_there(db, settings).await?,
        Form::Unknown(wanted) => is_installed(db, settings, wanted).await?,
    };
    if !is_there {
        return Ok(None);
    }
    let applied = applied(db, settings).await?;
    refuse_unknown(db, settings, &applied).await?;
    let mut all = (settings.migrations)();
    all.retain(|one| !is_in(&applied, one.as_ref()));
    Ok(Some(all))
}

/// Returns the migrations that are recorded, in order, read in the same way.
pub(super) async fn applied_migrations(
    session: &Session<'_>,
    settings: &Settings,
) -> Result<Vec<Box<dyn MigrationTrait>>, Error> {
    let transaction = session.begin_to_read().await?;
    let applied = known(&transaction.db(), settings).await;
    transaction.rollback().await?;
    let applied = applied?;
    let mut all = (settings.migrations)();
    all.retain(|one| is_in(&applied, one.as_ref()));
    Ok(all)
}

/// Creates the migration table, in a transaction that ends too.
pub(super) async fn install(session: &Session<'_>, settings: &Settings) -> Result<(), Error> {
    let transaction = session.begin_briefly().await?;
    let create = settings.records.create(session.backend());
    match transaction.db().execute_unprepared(&create).await {
        Ok(_) => Ok(transaction.commit().await?),
        Err(source) => {
            // The error is more useful than one of the rollback.
            let _ = transaction.rollback().await;
            Err(match is_lost_race(&source) {
                true => Error::Migration(source),
                false => Error::Converge(converge::Error::Step {
                    statements: create,
                    source,
                }),
            })
        }
    }
}

pub(super) async fn insert(
    db: &impl ConnectionTrait,
    settings: &Settings,
    name: &str,
) -> Result<(), DbErr> {
    let insert = settings.records.insert(Engine::of(db), name);
    db.execute_unprepared(&insert).await.map(|_| ())
}

pub(super) async fn delete(
    db: &impl ConnectionTrait,
    settings: &Settings,
    name: &str,
) -> Result<(), DbErr> {
    let delete = settings.records.delete(Engine::of(db), name);
    db.execute_unprepared(&delete).await.map(|_| ())
}

/// Requires that a migration is recorded or not. A trigger, a rule or a policy of the table may
/// have cancelled a statement that succeeded, and the next migration would then be the same one
/// without end.
pub(super) async fn require(
    db: &impl ConnectionTrait,
    settings: &Settings,
    name: &str,
    recorded: bool,
) -> Result<(), Error> {
    let record = settings.records.select(Engine::of(db), name);
    let is_recorded = converge::has_rows(db, &record).await?;
    match is_recorded == recorded {
        true => Ok(()),
        false => Err(Error::RecordUnchanged {
            migration: name.to_owned(),
            is_recorded,
        }),
    }
}

/// Requires that a record can be deleted, by trying it in a transaction that is rolled back: what a
/// migration created is dropped only together with its record.
pub(super) async fn require_deletable(
    session: &Session<'_>,
    settings: &Settings,
    name: &str,
) -> Result<(), Error> {
    let transaction = session.begin().await?;
    if transaction.is_callers() {
        return Ok(transaction.rollback().await?);
    }
    let delete = settings.records.delete(session.backend(), name);
    let tried = async {
        if session.backend() == Engine::Postgres {
            transaction.db().execute_unprepared(BRIEFLY).await?;
        }
        transaction.db().execute_unprepared(&delete).await?;
        require(&transaction.db(), settings, name, false).await
    };
    let tried = tried.await;
    transaction.rollback().await?;
    match tried {
        // The deletion itself waits for the session that uses the record.
        Err(Error::Migration(error)) if is_in_use(&error) => Ok(()),
        tried => tried,
    }
}

/// Returns whether there is a migration table that can be used in this way.
pub(super) async fn is_installed(
    db: &impl ConnectionTrait,
    settings: &Settings,
    used: Use,
) -> Result<bool, Error> {
    let is_there = is_there(db, settings).await?;
    if is_there {
        record_form::require(db, settings, used).await?;
    }
    Ok(is_there)
}

/// Returns whether there is a migration table. CREATE TABLE IF NOT EXISTS requires the right to
/// create one even if it exists.
pub(super) async fn is_there(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<bool, Error> {
    let backend = Engine::of(db);
    settings.records.require_usable(backend)?;
    let relations = converge::relations(db).await?;
    let names = relations.iter().map(|one| one.name.as_str());
    let case = converge::case_of_tables(db, settings.records.name(), names).await?;
    let mut relations = relations.into_iter();
    let found = relations.find(|one| settings.records.is_called(case, &one.name));
    let is_taken = match (&found, backend) {
        (Some(found), _) => found.kind.ends_with("VIEW"),
        (None, Engine::Postgres) => has_rows(db, &settings.records.is_taken()).await?,
        (None, Engine::MySql | Engine::Sqlite) => false,
    };
    match is_taken {
        true => Err(Error::MigrationTable {
            name: settings.records.name().to_owned(),
            reason: "what has this name is no table",
        }),
        false => Ok(found.is_some()),
    }
}

/// Returns the applied migrations, and requires that all are in the list; none if there is no table
/// of records.
pub(super) async fn known(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<Vec<String>, Error> {
    if !is_installed(db, settings, Use::Names).await? {
        return Ok(Vec::new());
    }
    let applied = applied(db, settings).await?;
    refuse_unknown(db, settings, &applied).await?;
    Ok(applied)
}

async fn applied(db: &impl ConnectionTrait, settings: &Settings) -> Result<Vec<String>, DbErr> {
    let rows = rows(db, settings).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Reads both columns: another tool's table may have a `version` too, and must not be read.
async fn rows(db: &impl ConnectionTrait, settings: &Settings) -> Result<Vec<QueryResult>, DbErr> {
    let table = settings.records.iden();
    // SQLite takes the unqualified name of a missing column for a text.
    let column = |name: &'static str| (settings.records.iden(), name);
    // Without a primary key, a row may name no migration.
    let records = Query::select()
        .columns(["version", "applied_at"].map(column))
        .from(table)
        .and_where(Expr::col(column("version")).is_not_null())
        .take();
    db.query_all(&records).await
}

fn is_in(applied: &[String], migration: &dyn MigrationTrait) -> bool {
    applied.iter().any(|name| name == migration.name())
}

/// Refuses records that are not in the list: a later release of the program, or another migrator,
/// has written them.
async fn refuse_unknown(
    db: &impl ConnectionTrait,
    settings: &Settings,
    applied: &[String],
) -> Result<(), Error> {
    let known = (settings.migrations)();
    let is_known = |name: &&String| known.iter().any(|one| one.name() == name.as_str());
    let unknown: Vec<&str> = applied
        .iter()
        .filter(|name| !is_known(name))
        .map(String::as_str)
        .collect();
    match unknown.as_slice() {
        [] => Ok(()),
        unknown => Err(Error::UnknownMigrations {
            location: converge::location(db).await?,
            table: settings.records.name().to_owned(),
            names: unknown.join(", "),
        }),
    }
}
