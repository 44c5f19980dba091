use std::fmt;

use sea_orm::DbErr;

use crate::{declare::DeclarationError, model::Location, server_error::explained};

/// An error that stopped a migration, a check or a repair.
///
/// SeaORM's traits return it as [`DbErr::Migration`] with the same text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalog or the rows could not be read.
    #[error("could not look up {subject}: {}", explained(source))]
    Lookup {
        /// What was looked up.
        subject: String,
        /// The answer of the server or the driver.
        source: DbErr,
    },

    /// The current shape cannot become the declared one without a manual decision. The tables were
    /// not changed.
    #[error(
        "{location} cannot be brought to the declared shape, and {}: {}",
        match done {
            0 => "its tables were not changed".to_owned(),
            1 => "1 completed step is kept".to_owned(),
            done => format!("{done} completed steps are kept"),
        },
        reasons.join("; ")
    )]
    Refused {
        /// The database and schema that were inspected.
        location: Location,
        /// The differences, each with its next step.
        reasons: Vec<String>,
        /// Whether rows that reference no parent are among the differences: these can be deleted.
        has_orphans: bool,
        /// How many steps had been completed before.
        done: usize,
    },

    /// A migration cannot be rolled back without a manual decision. Nothing was changed.
    #[error("{location}: nothing was rolled back: {reason}")]
    NotRolledBack {
        /// The database and schema that were inspected.
        location: Location,
        /// What prevents it, with the next step.
        reason: String,
    },

    /// A table above the limit would have been copied or rewritten. It was not.
    #[error(
        "{location}: fixing this rewrites {table}, up to {bytes} bytes, above the limit of {limit} bytes (max_rewrite): {found}. \
         Lock: {lock}. {}",
        match done {
            0 => "Its tables were not changed".to_owned(),
            1 => "1 completed step is kept".to_owned(),
            done => format!("{done} completed steps are kept"),
        }
    )]
    RewriteTooLarge {
        /// The database and schema that were inspected.
        location: Box<Location>,
        /// The table.
        table: String,
        /// The element of the shape for which it would be rewritten, and what was found.
        found: String,
        /// The lock that would be held, and for how long.
        lock: String,
        /// The size of the table in bytes; on SQLite that of the file.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
        /// How many steps had been completed before.
        done: usize,
    },

    /// A plan was being applied, and a statement was needed that is not in it. The statement was
    /// not run.
    #[error(
        "{location}: `{}` is needed now and is not in the plan. {}",
        abridged(statement),
        match done {
            0 => "Its tables were not changed".to_owned(),
            1 => "1 completed step is kept".to_owned(),
            done => format!("{done} completed steps are kept"),
        }
    )]
    Unplanned {
        /// The database and schema that were inspected.
        location: Location,
        /// The statements of the step.
        statement: String,
        /// How many steps had been completed before.
        done: usize,
    },

    /// A step failed. Completed steps are kept, and the next run goes on after them.
    #[error(
        "`{}` failed: {}. {}",
        abridged(statements),
        explained(source),
        kept(statements)
    )]
    Step {
        /// The statements of the step.
        statements: String,
        /// The answer of the server or the driver.
        source: DbErr,
    },

    /// A rebuilt table of SQLite would contain other rows than the old one. The rebuild was rolled
    /// back.
    #[error(
        "rebuilding a table would change its rows, so no table was changed: {}. \
         SQLite would convert or drop values that do not fit the declared type: correct them by hand first",
        changed.join(", ")
    )]
    RowsChanged {
        /// Each column whose values would have changed, with the number of rows.
        changed: Vec<String>,
    },

    /// The values of orphans could not be stored, so the orphans were not deleted.
    #[error("the rows to delete could not be saved, so none of them was deleted: {source}")]
    OrphansNotStored {
        /// The reason.
        source: std::io::Error,
    },

    /// The deletion of orphans was rolled back, and their values could not be removed from where
    /// they were stored.
    #[error(
        "deleting the orphaned rows was rolled back, and what was already written of them could not be removed: {source}. \
         Repair again, which writes the same rows again before it deletes them"
    )]
    OrphansNotWithdrawn {
        /// The reason.
        source: std::io::Error,
    },

    /// Orphans still exist after a DELETE that succeeded. It was rolled back.
    #[error(
        "deleting {} that reference missing rows left them in place and was rolled back. {}. \
         Delete them by hand, or remove what keeps them, and repair again",
        match rows { 1 => "1 row".to_owned(), rows => format!("{rows} rows") },
        match found.as_slice() {
            [] => "No trigger, rule or policy was found".to_owned(),
            found => format!("Possible causes: {}", found.join(", ")),
        }
    )]
    OrphansKept {
        /// How many rows.
        rows: u64,
        /// The triggers, rules and policies of the table.
        found: Vec<String>,
    },

    /// Another session held the migration lock for longer than the wait.
    #[error(
        "timed out after {seconds} s waiting for the migration lock on {}, held by {}. Nothing was changed while waiting",
        location.as_ref().map_or("this database".to_owned(), ToString::to_string),
        holder.as_deref().unwrap_or("another migrator or writer")
    )]
    Locked {
        /// The database and schema, if they are known.
        location: Option<Location>,
        /// The length of the wait in seconds.
        seconds: f64,
        /// The session that holds the lock, as far as this role may see it.
        holder: Option<String>,
    },

    /// Another session used a table for longer than the wait.
    #[error(
        "timed out after {seconds} s waiting to {work}: the table is in use by {}{}",
        holder.as_deref().unwrap_or("another session"),
        match work {
            Work::Step { statements } => format!(". {}", kept(statements)),
            Work::Lookup { .. } | Work::Records { .. } => String::new(),
        }
    )]
    InUse {
        /// The work that was waiting.
        work: Work,
        /// The length of the wait in seconds.
        seconds: f64,
        /// The session that uses the table, as far as this role may see it.
        holder: Option<String>,
    },

    /// Other tables refer to a table that would be dropped. Nothing was changed.
    #[error(
        "{location}: dropping the tables would take rows or a foreign key from {}. Nothing was changed. \
         Drop the foreign keys that refer to them first",
        tables.join(", ")
    )]
    ReferredTo {
        /// The database and schema that were inspected.
        location: Location,
        /// The tables that refer to it.
        tables: Vec<String>,
    },

    /// The database failed outside of a step.
    #[error("{}", explained(.0))]
    Database(#[from] DbErr),

    /// A migration declares what cannot be compared.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),

    /// A script cannot be generated, because what a migration does depends on the tables of the
    /// database.
    #[error(
        "the statements of {migration} are not known without a database: {reason}. \
         Print the script of the migrations before it, and apply it with up"
    )]
    Unscripted {
        /// The name of the migration.
        migration: String,
        /// What is not known.
        reason: String,
    },

    /// The last inspection still found differences, so nothing was recorded.
    #[error("{location} is still not as declared, and nothing was recorded: {}", differences.join("; "))]
    StillDiffers {
        /// The database and schema that were inspected.
        location: Location,
        /// The differences.
        differences: Vec<String>,
    },

    /// A step had no effect, or another session reverted it.
    #[error(
        "`{}` succeeded, and the same difference was found again: the statement has no effect, or another session reverts it. \
         Compare with `check`, and do the rest by hand",
        abridged(last)
    )]
    NoEnd {
        /// The statements of the step.
        last: String,
    },
}

/// Returns the beginning of the statements for an error. It identifies them, and the log has
/// printed them in full.
fn abridged(statements: &str) -> String {
    const SHOWN: usize = 120;
    let lines: Vec<&str> = statements.lines().map(str::trim).collect();
    let line = lines.join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

/// Returns what a failed step has left.
fn kept(statements: &str) -> &'static str {
    let builds = [
        "CREATE INDEX CONCURRENTLY ",
        "CREATE UNIQUE INDEX CONCURRENTLY ",
    ];
    match builds.iter().any(|one| statements.starts_with(one)) {
        true => {
            "Completed steps are kept. If the index was begun, it is invalid: the next run builds it anew"
        }
        false => "Completed steps are kept",
    }
}

/// Work that had to wait for another session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A step.
    Step {
        /// The statements of the step.
        statements: String,
    },
    /// A lookup in the catalog or the rows.
    Lookup {
        /// What was looked up.
        subject: String,
    },
    /// Reading or changing the records of migrations.
    Records {
        /// The migration table.
        table: String,
    },
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { statements } => write!(f, "run `{}`", abridged(statements)),
            Self::Lookup { subject } => write!(f, "look up {subject}"),
            Self::Records { table } => write!(f, "read or change the records in {table}"),
        }
    }
}

impl Error {
    /// Returns the failed work and the database's answer, if another session may be the cause.
    pub fn waited(&self) -> Option<(Work, &DbErr)> {
        match self {
            Self::Lookup { subject, source } => {
                let subject = subject.clone();
                Some((Work::Lookup { subject }, source))
            }
            Self::Step { statements, source } => {
                let statements = statements.clone();
                Some((Work::Step { statements }, source))
            }
            _ => None,
        }
    }

    /// Returns a function that converts a database error into one of this lookup.
    pub fn looking_for(what: impl Into<String>) -> impl FnOnce(DbErr) -> Self {
        let subject = what.into();
        move |source| Self::Lookup { subject, source }
    }
}
