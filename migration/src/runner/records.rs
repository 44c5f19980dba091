//! What the table of migrations says has been applied.

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use sea_orm_migration::{MigrationTrait, SchemaManagerConnection};
use sea_query::{IntoTableRef, Query};

use converge::{
    Engine, Shape, has_rows, is_in_use,
    session::{Session, Statements, Unit},
};

use super::{record_form, settings::Settings};
use crate::{Error, versions};

/// Whether every migration is recorded, and no other: the one question of a service that starts.
///
/// Where that cannot be read there is something to do, or to say.
pub(super) async fn are_complete(session: &Session<'_>, settings: &Settings) -> bool {
    // An error would end the caller's transaction.
    if !matches!(session.db, SchemaManagerConnection::Connection(_)) {
        return false;
    }
    let all = (settings.migrations)();
    let schema = settings.engine.schema.as_deref();
    let applied = match (settings.engine.statements, schema) {
        (Statements::OfThisClient, _) => applied(&session.db, settings, schema).await,
        (Statements::OfOthers, Some(schema)) if session.backend() == Engine::Postgres => {
            let names: Vec<&str> = all.iter().map(|one| one.name()).collect();
            let complete = settings.records.complete(schema, &names);
            return has_rows(&session.db, &complete).await.unwrap_or(false);
        }
        (Statements::OfOthers, _) => applied_at_once(session, settings).await,
    };
    applied.is_ok_and(|applied| {
        applied.len() == all.len() && all.iter().all(|one| is_in(&applied, one.as_ref()))
    })
}

async fn applied_at_once(session: &Session<'_>, settings: &Settings) -> Result<Vec<String>, DbErr> {
    let unit = session.begin_to_read().await?;
    let applied = applied(&unit.db(), settings, None).await;
    unit.rollback().await?;
    applied
}

/// A migration of the migrator's list, and when it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationRecord {
    /// Its name.
    pub name: String,
    /// In seconds since 1970 (UTC), as recorded. None where it is pending.
    pub applied_at: Option<i64>,
}

/// Whether there is a table of records.
pub(super) async fn are_kept(session: &Session<'_>, settings: &Settings) -> Result<bool, Error> {
    let unit = session.begin_to_read().await?;
    let are_kept = is_installed(&unit.db(), settings).await?;
    unit.rollback().await?;
    Ok(are_kept)
}

/// Every migration, in order.
pub(super) async fn all(
    session: &Session<'_>,
    settings: &Settings,
) -> Result<Vec<MigrationRecord>, Error> {
    let unit = session.begin_to_read().await?;
    let applied = match is_installed(&unit.db(), settings).await? {
        true => times(&unit.db(), settings).await?,
        false => Vec::new(),
    };
    let names: Vec<String> = applied.iter().map(|(name, _)| name.clone()).collect();
    refuse_unknown(&unit.db(), settings, &names).await?;
    unit.rollback().await?;
    let record = |migration: Box<dyn MigrationTrait>| {
        let found = applied.iter().find(|(name, _)| name == migration.name());
        MigrationRecord {
            name: migration.name().to_owned(),
            applied_at: found.map(|(_, time)| *time),
        }
    };
    Ok((settings.migrations)().into_iter().map(record).collect())
}

async fn times(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<Vec<(String, i64)>, DbErr> {
    let rows = rows(db, settings, None).await?;
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

/// Whether external migrations are applied before ours, and may make what ours need.
pub(super) fn others_come_first(settings: &Settings) -> bool {
    let all = (settings.migrations)();
    let first = all.first();
    first.is_none_or(|first| !versions::is_declared(first.name()))
}

/// Whether the form of the table of records has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Known,
    Unknown,
}

/// The migrations that are not recorded, in order; none where there is no table of records.
///
/// They are read in a transaction that ends: Citus may have the records on another node, where whoever builds an
/// index waits for a transaction that has read them.
pub(super) async fn pending(
    session: &Session<'_>,
    settings: &Settings,
    form: Form,
) -> Result<Option<Vec<Box<dyn MigrationTrait>>>, Error> {
    let unit = session.begin_to_read().await?;
    let is_there = match form {
        Form::Known => is_there(&unit.db(), settings).await?,
        Form::Unknown => is_installed(&unit.db(), settings).await?,
    };
    let pending = match is_there {
        true => Some(pending_of(&unit.db(), settings).await?),
        false => None,
    };
    unit.rollback().await?;
    Ok(pending)
}

/// The migrations that are recorded, in order, read in the same way.
pub(super) async fn applied_migrations(
    session: &Session<'_>,
    settings: &Settings,
) -> Result<Vec<Box<dyn MigrationTrait>>, Error> {
    let unit = session.begin_to_read().await?;
    let applied = known(&unit.db(), settings).await?;
    unit.rollback().await?;
    let mut all = (settings.migrations)();
    all.retain(|one| is_in(&applied, one.as_ref()));
    Ok(all)
}

/// Makes the table of records, in a transaction that ends too.
pub(super) async fn install(session: &Session<'_>, settings: &Settings) -> Result<(), DbErr> {
    let unit = session.begin().await?;
    let create = settings.records.create(session.backend());
    unit.db().execute_unprepared(&create).await?;
    unit.commit().await
}

/// The migrations that are not recorded, in order, where there is a table of records.
async fn pending_of(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<Vec<Box<dyn MigrationTrait>>, Error> {
    let applied = applied(db, settings, None).await?;
    refuse_unknown(db, settings, &applied).await?;
    let mut all = (settings.migrations)();
    all.retain(|one| !is_in(&applied, one.as_ref()));
    Ok(all)
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

/// A trigger, a rule or a policy of the table may have made nothing of a statement that succeeded, of which
/// whoever takes the next migration would know no end.
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

/// Tries it, in a transaction that is rolled back: what a migration has made goes only where its record does.
pub(super) async fn require_deletable(
    session: &Session<'_>,
    settings: &Settings,
    name: &str,
) -> Result<(), Error> {
    let unit = session.begin().await?;
    if matches!(unit, Unit::Callers(_)) {
        return Ok(());
    }
    let delete = settings.records.delete(session.backend(), name);
    let delete = match session.backend() {
        Engine::Postgres => format!(
            "DO $wait$ BEGIN SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL lock_timeout = '2s'; END $wait$; {delete}"
        ),
        Engine::MySql | Engine::Sqlite => delete,
    };
    let tried = async {
        unit.db().execute_unprepared(&delete).await?;
        require(&unit.db(), settings, name, false).await
    };
    let tried = tried.await;
    unit.rollback().await?;
    match tried {
        // Whoever has it is waited for when it is deleted.
        Err(Error::Migration(error)) if is_in_use(&error) => Ok(()),
        tried => tried,
    }
}

/// Returns whether there is a table of records, in which a migration can be recorded.
pub(super) async fn is_installed(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<bool, Error> {
    let is_there = is_there(db, settings).await?;
    if is_there {
        record_form::require(db, settings).await?;
    }
    Ok(is_there)
}

/// CREATE TABLE IF NOT EXISTS asks for the right to create one also where there is one.
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
    match relations.find(|one| settings.records.is_called(case, &one.name)) {
        Some(view) if view.kind.ends_with("VIEW") => Err(Error::MigrationTable {
            name: settings.records.name().to_owned(),
            reason: "what has this name is no table",
        }),
        Some(_) => Ok(true),
        None => Ok(false),
    }
}

/// The applied migrations, all of which are in the list; none where there is no table of records.
pub(super) async fn known(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<Vec<String>, Error> {
    if !is_installed(db, settings).await? {
        return Ok(Vec::new());
    }
    let applied = applied(db, settings, None).await?;
    refuse_unknown(db, settings, &applied).await?;
    Ok(applied)
}

async fn applied(
    db: &impl ConnectionTrait,
    settings: &Settings,
    schema: Option<&str>,
) -> Result<Vec<String>, DbErr> {
    let rows = rows(db, settings, schema).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Nothing but a schema that is named here is looked up on a connection that has not entered it.
///
/// Both columns are asked for: a table of another tool may have a `version` too, and is not read.
async fn rows(
    db: &impl ConnectionTrait,
    settings: &Settings,
    schema: Option<&str>,
) -> Result<Vec<QueryResult>, DbErr> {
    let table = settings.records.iden();
    let table = match (schema, Engine::of(db)) {
        (Some(schema), Engine::Postgres) => (schema.to_owned(), table).into_table_ref(),
        _ => table.into_table_ref(),
    };
    // SQLite takes the unqualified name of a column that is missing for a text.
    let column = |name: &'static str| (settings.records.iden(), name);
    let records = Query::select()
        .columns(["version", "applied_at"].map(column))
        .from(table)
        .take();
    db.query_all(&records).await
}

fn is_in(applied: &[String], migration: &dyn MigrationTrait) -> bool {
    applied.iter().any(|name| name == migration.name())
}

/// A newer release of the program may have been here, or another migrator.
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
            place: converge::place(db).await?,
            table: settings.records.name().to_owned(),
            names: unknown.join(", "),
        }),
    }
}
