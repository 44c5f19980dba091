//! Reads and writes the file of a plan: `up --dry-run --save` writes it and `up --plan` reads it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

use converge::Engine;
use serde_json::{Value, json};

use super::error::CliError;
use crate::{Extent, Found, Location, Plan, PlannedMigration};

/// The most temporary files of killed processes that are skipped before saving fails.
const MOST_LEFT: u32 = 100;

/// The value of `format` by which a plan is recognized.
const FORMAT: &str = "colpali migration plan 1";

/// The reason why a file cannot be used as a plan.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),

    #[error("it is a folder or a device, not a file")]
    NoFile,

    #[error("it was not written by `--save`")]
    Other,

    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// Writes a plan as a whole or not at all. Replaces only an empty file or another plan.
pub(super) fn save(plan: &Plan, file: &Path) -> Result<(), CliError> {
    let unsaved = |reason: io::Error| CliError::PlanUnsaved {
        file: file.to_owned(),
        reason: reason.to_string(),
    };
    // A symbolic link is kept: the plan replaces its target.
    let target = match fs::canonicalize(file) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::symlink_metadata(file) {
            Ok(_) => return Err(CliError::PlanInTheWay(file.to_owned())),
            Err(_) => file.to_owned(),
        },
        Err(error) => return Err(unsaved(error)),
    };
    let permissions = fs::metadata(&target).ok().map(|there| there.permissions());
    if permissions.is_some() && !may_be_replaced(&target) {
        return Err(CliError::PlanInTheWay(file.to_owned()));
    }
    let text = format!("{:#}\n", object(plan));
    let (new, mut written) = temporary_file(&target).map_err(unsaved)?;
    let saved = written
        .write_all(text.as_bytes())
        .and_then(|()| permissions.map_or(Ok(()), |same| written.set_permissions(same)))
        .and_then(|()| written.sync_all())
        .and_then(|()| fs::rename(&new, &target));
    saved.map_err(|error| {
        // The first error is the cause, and is the one to report.
        let _ = fs::remove_file(&new);
        unsaved(error)
    })
}

/// Reads a plan.
pub(super) fn read(file: &Path) -> Result<Plan, CliError> {
    read_plan(file).map_err(|problem| CliError::Plan {
        file: file.to_owned(),
        problem,
    })
}

fn read_plan(file: &Path) -> Result<Plan, Problem> {
    let metadata = fs::metadata(file).map_err(Problem::Unreadable)?;
    if !metadata.is_file() {
        return Err(Problem::NoFile);
    }
    let text = fs::read(file).map_err(Problem::Unreadable)?;
    plan(&object_of(&text)?)
}

fn may_be_replaced(file: &Path) -> bool {
    match fs::metadata(file) {
        Ok(there) if there.is_file() && there.len() == 0 => true,
        Ok(_) => read_plan(file).is_ok(),
        Err(_) => false,
    }
}

/// Creates a file in the same folder, so that a rename replaces the other file in one step. A killed process may have
/// left a file with the same process id, for example in a container.
fn temporary_file(file: &Path) -> io::Result<(PathBuf, File)> {
    let mut number: u32 = 0;
    loop {
        let new = file.with_file_name(format!(".plan.{}.{number}.new", process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&new) {
            Ok(written) => return Ok((new, written)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_LEFT => {
                number += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn object(plan: &Plan) -> Value {
    let migrations = plan.migrations.iter().map(|one| {
        let found = one.found.iter().map(|one| {
            json!({ "table": one.table, "part": one.part, "found": one.found, "locks": one.locks })
        });
        let found: Vec<Value> = found.collect();
        json!({ "migration": one.migration, "found": found, "statements": one.statements })
    });
    let migrations: Vec<Value> = migrations.collect();
    let (to, count) = match &plan.extent {
        Extent::All => (None, None),
        Extent::Count(count) => (None, Some(count)),
        Extent::To(name) => (Some(name), None),
    };
    json!({
        "format": FORMAT,
        "release": plan.release,
        "engine": plan.engine.name(),
        "database": plan.location.database,
        "schema": plan.location.schema,
        "migration_table": plan.migration_table,
        "to": to,
        "count": count,
        "migrations": migrations,
    })
}

/// Returns the JSON object of a plan. A text that contains the format but is no JSON is a damaged plan.
fn object_of(text: &[u8]) -> Result<Value, Problem> {
    match serde_json::from_slice::<Value>(text) {
        Ok(object) if object["format"] == FORMAT => Ok(object),
        Ok(_) => Err(Problem::Other),
        Err(error) => match String::from_utf8_lossy(text).contains(FORMAT) {
            true => Err(Problem::Damaged(error.to_string())),
            false => Err(Problem::Other),
        },
    }
}

fn plan(object: &Value) -> Result<Plan, Problem> {
    let engine = text(object, "engine")?;
    Ok(Plan {
        location: Location {
            database: text(object, "database")?,
            schema: if_any(object, "schema", text)?,
        },
        migrations: list(object, "migrations", migration)?,
        extent: extent(object)?,
        engine: Engine::named(&engine).ok_or_else(|| lacking("engine"))?,
        migration_table: text(object, "migration_table")?,
        release: text(object, "release")?,
    })
}

fn extent(object: &Value) -> Result<Extent, Problem> {
    let count = |object: &Value, key: &str| {
        let count = object[key]
            .as_u64()
            .and_then(|count| u32::try_from(count).ok());
        count.ok_or_else(|| lacking(key))
    };
    Ok(match if_any(object, "to", text)? {
        Some(name) => Extent::To(name),
        None => Extent::from(if_any(object, "count", count)?),
    })
}

fn migration(object: &Value) -> Result<PlannedMigration, Problem> {
    let statements = |object: &Value, key: &str| list(object, key, statement);
    Ok(PlannedMigration {
        migration: text(object, "migration")?,
        found: list(object, "found", found)?,
        statements: if_any(object, "statements", statements)?,
    })
}

fn found(object: &Value) -> Result<Found, Problem> {
    Ok(Found {
        table: text(object, "table")?,
        part: text(object, "part")?,
        found: text(object, "found")?,
        locks: list(object, "locks", statement)?,
    })
}

fn statement(value: &Value) -> Result<String, Problem> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| lacking("statements"))
}

fn text(object: &Value, key: &str) -> Result<String, Problem> {
    let text = object[key].as_str().map(str::to_owned);
    text.ok_or_else(|| lacking(key))
}

fn list<T>(
    object: &Value,
    key: &str,
    read: impl Fn(&Value) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    let all = object[key].as_array().ok_or_else(|| lacking(key))?;
    all.iter().map(read).collect()
}

/// Reads a field that is null if there is no value.
fn if_any<T>(
    object: &Value,
    key: &str,
    read: impl Fn(&Value, &str) -> Result<T, Problem>,
) -> Result<Option<T>, Problem> {
    match object.get(key) {
        Some(Value::Null) => Ok(None),
        Some(_) => read(object, key).map(Some),
        None => Err(lacking(key)),
    }
}

fn lacking(key: &str) -> Problem {
    Problem::Damaged(format!("its {key:?} is missing or has another type"))
}
