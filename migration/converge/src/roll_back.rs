//! Undoes what one migration declares beyond those before it.

use sea_orm::ConnectionTrait;

use crate::{
    Error, apply,
    declare::Shape,
    engine::Engine,
    foresee,
    inspect::{self, Inspection},
    plan::{self, Step, Undo},
    required::{self, Referrers},
    session::{Session, Settings},
    sql,
};

/// Which program deletes the record of a migration that is rolled back.
#[derive(Clone, Debug)]
pub enum Record {
    /// This one, with this statement, together with what the migration created.
    Ours(String),
    /// The migrator that runs this migration, afterwards, in a table that only it knows.
    Callers,
}

/// Undoes what the newer shape declares beyond the older one.
///
/// # Errors
///
/// [`Error::ReferredTo`] if another table refers to one that would be dropped, and the database's
/// errors.
pub async fn roll_back(
    session: &Session<'_>,
    older: &Shape,
    newer: &Shape,
    record: Record,
) -> Result<(), Error> {
    let (steps, _) = undoing(session, older, newer, record, &Referrers::default()).await?;
    for step in steps {
        if let Some(table) = step.required_table() {
            tracing::info!(
                "drops the table {table}, which these migrations have created and which is not in use"
            );
        }
        apply::to_its_end(session, newer, &step).await?;
    }
    Ok(())
}

/// Returns the steps. The application's tables are kept, and so is one that these migrations
/// created if it has rows or another object refers to it.
pub(crate) async fn undoing(
    session: &Session<'_>,
    older: &Shape,
    newer: &Shape,
    record: Record,
    undone: &Referrers,
) -> Result<(Vec<Step>, Undo), Error> {
    let mut forget = match record {
        Record::Ours(forget) => Some(forget),
        Record::Callers => None,
    };
    let transaction = session.begin_to_read().await?;
    let found = found(&transaction.db(), session.settings, older, newer, undone).await;
    transaction.rollback().await?;
    let (undo, inspection, required) = found?;
    let backend = session.backend();
    let mut steps = Vec::new();
    if !undo.parts.is_empty() {
        // The record is deleted with the last part of what it records.
        let forget = forget.take_if(|_| required.is_empty());
        let before = undone.dropped();
        let undoing = plan::undo(backend, &undo, inspection.as_ref(), &before, forget);
        steps.extend(match undoing {
            Ok(steps) => steps,
            Err(reason) => return Err(refused(session, reason).await?),
        });
    }
    let count = required.len();
    for (at, table) in required.iter().enumerate() {
        let forget = forget.take_if(|_| at + 1 == count);
        steps.push(plan::required::drop(backend, table, forget));
    }
    if let Some(forget) = forget {
        steps.push(plan::forget_alone(forget));
    }
    Ok((steps, undo))
}

/// Returns what is to be undone, and the required tables that may be dropped because these
/// migrations created them.
async fn found(
    db: &impl ConnectionTrait,
    settings: &Settings,
    older: &Shape,
    newer: &Shape,
    undone: &Referrers,
) -> Result<(Undo, Option<Inspection>, Vec<String>), Error> {
    let dropped: Vec<&str> = {
        let is_new = |table: &&str| older.declared(table).is_none();
        newer.own_tables().filter(is_new).collect()
    };
    for table in &dropped {
        refuse_where_no_table(db, table).await?;
    }
    // What is only dropped need not be inspected: another session may have locked it.
    let is_whole = older.declares_all_but_tables_of(newer);
    let inspection = match is_whole {
        true => None,
        false => {
            let mut current = inspect::read(db, settings, newer).await?;
            foresee::undo(&mut current, &undone.undone);
            Some(current)
        }
    };
    let undo = Undo::between(older, newer, inspection.as_ref());
    let undone = undone.and(&undo);
    for table in &dropped {
        let gone = undone.gone(table, inspection.as_ref());
        refuse_where_referred_to(db, table, &gone).await?;
        refuse_where_used(db, table).await?;
    }
    let mut required = Vec::new();
    for declared in newer.made_beyond(older) {
        if let Some(inspection) = &inspection
            && required::may_go(db, inspection, declared, &undone).await?
        {
            required.push(declared.table.name.clone());
        }
    }
    Ok((undo, inspection, required))
}

async fn refused(session: &Session<'_>, reason: String) -> Result<Error, Error> {
    let transaction = session.begin_to_read().await?;
    let location = inspect::location(&transaction.db()).await;
    transaction.rollback().await?;
    Ok(Error::NotRolledBack {
        location: location?,
        reason,
    })
}

/// Refuses an object that has the table's name but is none: MariaDB ignores a view with that name.
/// Only names are looked up, so a table that another session has locked is not waited for.
async fn refuse_where_no_table(db: &impl ConnectionTrait, table: &str) -> Result<(), Error> {
    let relations = inspect::relations(db).await?;
    let is_other = |one: &inspect::Relation| one.name == table && !one.is_table();
    match relations.into_iter().find(is_other) {
        Some(other) => Err(Error::NotRolledBack {
            location: inspect::location(db).await?,
            reason: format!(
                "{table} is a {}, which these migrations did not create: drop or rename it by hand",
                other.kind.to_lowercase()
            ),
        }),
        None => Ok(()),
    }
}

async fn refuse_where_referred_to(
    db: &impl ConnectionTrait,
    table: &str,
    gone: &[String],
) -> Result<(), Error> {
    let mut tables = inspect::referrers_to(db, table).await?;
    // PostgreSQL prints some names with quotes.
    let quoted = |table: &str| sql::identifier(Engine::of(db), table);
    tables.retain(|one| {
        let is_it = |table: &String| one == table || *one == quoted(table);
        !gone.iter().any(is_it)
    });
    match tables.is_empty() {
        true => Ok(()),
        false => Err(Error::ReferredTo {
            location: inspect::location(db).await?,
            tables,
        }),
    }
}

/// Refuses to drop a table of PostgreSQL that a view, a function or another object is made of.
async fn refuse_where_used(db: &impl ConnectionTrait, table: &str) -> Result<(), Error> {
    if Engine::of(db) != Engine::Postgres {
        return Ok(());
    }
    match inspect::users(db, table).await?.as_slice() {
        [] => Ok(()),
        users => Err(Error::NotRolledBack {
            location: inspect::location(db).await?,
            reason: format!(
                "{table} cannot be dropped while other objects use it: drop these first, {}",
                users.join(", ")
            ),
        }),
    }
}
