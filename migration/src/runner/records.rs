//! What the table of migrations says has been applied.

use std::time::{SystemTime, UNIX_EPOCH};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter,
};
use sea_orm_migration::{MigrationTrait, SchemaManagerConnection, seaql_migrations};
use sea_query::{IntoTableRef, Query};

use crate::{
    Error, Migrator, MigratorTrait,
    error::is_in_use,
    schema::{difference::Scope, live},
    session::{Session, Statements, Unit},
};

/// Whether every migration is recorded, and no other: the one question of a service that starts.
///
/// Where that cannot be read there is something to do, or to say.
pub(super) async fn are_complete(session: &Session<'_>) -> bool {
    // An error would end the caller's transaction.
    if !matches!(session.db, SchemaManagerConnection::Connection(_)) {
        return false;
    }
    let applied = match session.settings.statements {
        Statements::OfThisClient => applied(&session.db, session.settings.schema.as_deref()).await,
        Statements::OfOthers => applied_at_once(session).await,
    };
    let all = Migrator::migrations();
    applied.is_ok_and(|applied| {
        applied.len() == all.len() && all.iter().all(|one| is_in(&applied, one.as_ref()))
    })
}

async fn applied_at_once(session: &Session<'_>) -> Result<Vec<String>, DbErr> {
    let unit = session.begin_to_read().await?;
    let applied = applied(&unit.db(), None).await;
    unit.rollback().await?;
    applied
}

/// A migration of this workspace, and when it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationRecord {
    /// Its name.
    pub name: String,
    /// In seconds since 1970 (UTC), as recorded. None where it is pending.
    pub applied_at: Option<i64>,
}

/// Whether there is a table of records.
pub(super) async fn are_kept(session: &Session<'_>) -> Result<bool, Error> {
    let unit = session.begin_to_read().await?;
    let are_kept = is_installed(&unit.db()).await?;
    unit.rollback().await?;
    Ok(are_kept)
}

/// Every migration, in order.
pub(super) async fn all(session: &Session<'_>) -> Result<Vec<MigrationRecord>, Error> {
    let unit = session.begin_to_read().await?;
    let applied = match is_installed(&unit.db()).await? {
        true => times(&unit.db()).await?,
        false => Vec::new(),
    };
    unit.rollback().await?;
    let names: Vec<String> = applied.iter().map(|(name, _)| name.clone()).collect();
    refuse_unknown(&names)?;
    let record = |migration: Box<dyn MigrationTrait>| {
        let found = applied.iter().find(|(name, _)| name == migration.name());
        MigrationRecord {
            name: migration.name().to_owned(),
            applied_at: found.map(|(_, time)| *time),
        }
    };
    Ok(Migrator::migrations().into_iter().map(record).collect())
}

async fn times(db: &impl ConnectionTrait) -> Result<Vec<(String, i64)>, DbErr> {
    let records = seaql_migrations::Entity::find().all(db).await?;
    Ok(records
        .into_iter()
        .map(|record| (record.version, record.applied_at))
        .collect())
}

/// What the applied migrations answer for.
pub(super) async fn made(db: &impl ConnectionTrait) -> Result<Vec<Scope>, Error> {
    if !is_installed(db).await? {
        return Ok(Vec::new());
    }
    let applied = applied(db, None).await?;
    refuse_unknown(&applied)?;
    Ok(applied
        .iter()
        .filter_map(|name| Scope::of_migration(name))
        .collect())
}

pub(super) async fn next_pending(
    db: &impl ConnectionTrait,
) -> Result<Option<Box<dyn MigrationTrait>>, Error> {
    let applied = applied(db, None).await?;
    refuse_unknown(&applied)?;
    let mut all = Migrator::migrations().into_iter();
    Ok(all.find(|one| !is_in(&applied, one.as_ref())))
}

/// Where there is no table of records, none has been applied.
pub(super) async fn last_applied(
    db: &impl ConnectionTrait,
) -> Result<Option<Box<dyn MigrationTrait>>, Error> {
    if !is_installed(db).await? {
        return Ok(None);
    }
    let applied = applied(db, None).await?;
    refuse_unknown(&applied)?;
    let mut all = Migrator::migrations().into_iter().rev();
    Ok(all.find(|one| is_in(&applied, one.as_ref())))
}

pub(super) async fn insert(db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    let record = seaql_migrations::ActiveModel {
        version: Set(name.to_owned()),
        applied_at: Set(i64::try_from(seconds).unwrap_or(i64::MAX)),
    };
    seaql_migrations::Entity::insert(record)
        .exec_without_returning(db)
        .await
        .map(|_| ())
}

pub(super) async fn delete(db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
    seaql_migrations::Entity::delete_many()
        .filter(seaql_migrations::Column::Version.eq(name))
        .exec(db)
        .await
        .map(|_| ())
}

/// A trigger, a rule or a policy of the table may have made nothing of a statement that succeeded, of which
/// whoever takes the next migration would know no end.
pub(super) async fn require(
    db: &impl ConnectionTrait,
    name: &str,
    recorded: bool,
) -> Result<(), Error> {
    let is_recorded = applied(db, None).await?.iter().any(|one| one == name);
    match is_recorded == recorded {
        true => Ok(()),
        false => Err(Error::RecordUnchanged {
            migration: name.to_owned(),
            is_recorded,
        }),
    }
}

/// Tries it, in a transaction that is rolled back: what a migration has made goes only where its record does.
pub(super) async fn require_deletable(session: &Session<'_>, name: &str) -> Result<(), Error> {
    let unit = session.begin().await?;
    if matches!(unit, Unit::Callers(_)) {
        return Ok(());
    }
    let tried = async {
        if session.backend() == DbBackend::Postgres {
            let brief = "SET LOCAL lock_timeout = '2s'";
            unit.db().execute_unprepared(brief).await?;
        }
        delete(&unit.db(), name).await?;
        require(&unit.db(), name, false).await
    };
    let tried = tried.await;
    unit.rollback().await?;
    match tried {
        // Whoever has it is waited for when it is deleted.
        Err(Error::Migration(error)) if is_in_use(&error) => Ok(()),
        tried => tried,
    }
}

/// CREATE TABLE IF NOT EXISTS asks for the right to create one also where there is one.
pub(super) async fn is_installed(db: &impl ConnectionTrait) -> Result<bool, Error> {
    let table = Migrator::migration_table_name().to_string();
    Ok(live::tables(db).await?.contains(&table))
}

/// Nothing but a schema that is named here is looked up on a connection that has not entered it.
async fn applied(db: &impl ConnectionTrait, schema: Option<&str>) -> Result<Vec<String>, DbErr> {
    let table = Migrator::migration_table_name();
    let table = match (schema, db.get_database_backend()) {
        (Some(schema), DbBackend::Postgres) => (schema.to_owned(), table).into_table_ref(),
        _ => table.into_table_ref(),
    };
    let versions = Query::select().column("version").from(table).take();
    let rows = db.query_all(&versions).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

fn is_in(applied: &[String], migration: &dyn MigrationTrait) -> bool {
    applied.iter().any(|name| name == migration.name())
}

/// A newer release of the workspace may have been here.
fn refuse_unknown(applied: &[String]) -> Result<(), Error> {
    let known = Migrator::migrations();
    let is_known = |name: &&String| known.iter().any(|one| one.name() == name.as_str());
    let unknown: Vec<&str> = applied
        .iter()
        .filter(|name| !is_known(name))
        .map(String::as_str)
        .collect();
    match unknown.as_slice() {
        [] => Ok(()),
        unknown => Err(Error::UnknownMigrations {
            names: unknown.join(", "),
        }),
    }
}
