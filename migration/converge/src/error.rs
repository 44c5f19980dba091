use std::fmt;

use sea_orm::DbErr;

use crate::{declare::DeclarationError, model::Location, server_error::explained};

/// Why a migration, a check or a repair stopped.
///
/// Through SeaORM's traits it arrives as [`DbErr::Migration`] with the same text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalog or the rows could not be read.
    #[error("could not look up {looked_for}: {}", explained(source))]
    Lookup {
        /// What was asked for.
        looked_for: String,
        /// What the server or the driver answered.
        source: DbErr,
    },

    /// The shape that is there cannot become the declared one without a decision. The tables were not
    /// changed.
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
        /// Where it was looked.
        location: Location,
        /// What was found, each with its next step.
        reasons: Vec<String>,
        /// How many steps had been done before it was found.
        done: usize,
    },

    /// A table above the limit would be copied or rewritten. It was not.
    #[error(
        "{location}: fixing this rewrites {table}, up to {bytes} bytes, above the limit of {limit} bytes: {found}. \
         Lock: {lock}. {}. Raise max_rewrite to allow it",
        match done {
            0 => "Its tables were not changed".to_owned(),
            1 => "1 completed step is kept".to_owned(),
            done => format!("{done} completed steps are kept"),
        }
    )]
    RewriteTooLarge {
        /// Where it was looked.
        location: Box<Location>,
        /// The table.
        table: String,
        /// The part of the shape for which it would be rewritten, and what was found.
        found: String,
        /// The lock that would be held, and for how long.
        lock: String,
        /// Its size in bytes; of SQLite that of the file.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
        /// How many steps had been done before it was found.
        done: usize,
    },

    /// A plan was to be carried out, and another statement is needed. It was not run.
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
        /// Where it was looked.
        location: Location,
        /// The statements of the step.
        statement: String,
        /// How many steps had been done before it was found.
        done: usize,
    },

    /// A step failed. What was done before it stays, and the next run goes on from there.
    #[error(
        "`{}` failed: {}. Completed steps are kept. Hint: fix the cause and run the command again",
        abridged(statements),
        explained(source)
    )]
    Step {
        /// The statements of the step.
        statements: String,
        /// What the server or the driver answered.
        source: DbErr,
    },

    /// SQLite: a rebuilt table would hold other rows than the old one, and was rolled back.
    #[error(
        "rebuilding a table would change its rows, so no table was changed: {}. \
         SQLite would convert or drop values that do not fit the declared type: correct them by hand first",
        changed.join(", ")
    )]
    RowsChanged {
        /// Each column whose values would have changed, with the number of rows.
        changed: Vec<String>,
    },

    /// What rows without a document say could not be stored, so that they were not deleted.
    #[error(
        "the rows to delete could not be written to the file, so none of them was deleted: {source}"
    )]
    OrphansNotStored {
        /// Why.
        source: std::io::Error,
    },

    /// The deletion of rows without a document was rolled back, and what they say could not be taken back.
    #[error(
        "deleting the orphaned rows was rolled back, and what was already written of them could not be removed: {source}. \
         Repair again, which writes the same rows once more before it deletes them"
    )]
    OrphansNotWithdrawn {
        /// Why.
        source: std::io::Error,
    },

    /// Rows without a document are still there after a DELETE that succeeded, which was rolled back.
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
        /// How many.
        rows: u64,
        /// The triggers, rules and policies of the table.
        found: Vec<String>,
    },

    /// Somebody else was at work for longer than was to be waited.
    #[error(
        "timed out after {seconds} s waiting for the migration lock on {}, held by {}. Nothing was changed. \
         Hint: try again later, or wait longer",
        location.as_ref().map_or("this database".to_owned(), ToString::to_string),
        holder.as_deref().unwrap_or("another migrator or writer")
    )]
    Locked {
        /// Where it was looked.
        location: Option<Location>,
        /// For how many seconds it was waited.
        seconds: f64,
        /// Who is at work, as far as this role may know.
        holder: Option<String>,
    },

    /// Others had a table in use for longer than was to be waited.
    #[error(
        "timed out after {seconds} s waiting to {work}: the table is in use by {}.{} \
         Hint: end that session, or wait longer",
        holder.as_deref().unwrap_or("another session"),
        match work {
            Work::Step { .. } => " Completed steps are kept.",
            Work::Lookup { .. } | Work::Records { .. } => "",
        }
    )]
    InUse {
        /// What was to be done.
        work: Work,
        /// For how many seconds it was waited.
        seconds: f64,
        /// Who has it, as far as this role may know.
        holder: Option<String>,
    },

    /// Other tables refer to what would be dropped. Nothing was changed.
    #[error(
        "{location}: dropping the tables would take rows or a foreign key from {}. Nothing was changed. \
         Drop the foreign keys that refer to them first",
        tables.join(", ")
    )]
    ReferredTo {
        /// Where it was looked.
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

    /// A script was asked for, and what a migration does depends on what is there.
    #[error(
        "the statements of {migration} are not known without a database: {reason}. \
         Print the script of the migrations before it, and apply it with up"
    )]
    Unscripted {
        /// The migration's name.
        migration: String,
        /// What is not known.
        reason: String,
    },

    /// The last inspection still found differences, so nothing was recorded.
    #[error("{location} is still not as declared, and nothing was recorded: {}", differences.join("; "))]
    StillDiffers {
        /// Where it was looked.
        location: Location,
        /// What was found.
        differences: Vec<String>,
    },

    /// A step changed nothing, or what it changed was changed back.
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

/// Statements in an error: their beginning tells which they are, and the log has printed them before.
fn abridged(statements: &str) -> String {
    const SHOWN: usize = 120;
    let lines: Vec<&str> = statements.lines().map(str::trim).collect();
    let line = lines.join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

/// What had to wait for another session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// The statements of a step.
    Step {
        /// The statements.
        statements: String,
    },
    /// A lookup in the catalog or the rows.
    Lookup {
        /// What was asked for.
        looked_for: String,
    },
    /// Reading or changing the records of migrations.
    Records {
        /// The table that holds them.
        table: String,
    },
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { statements } => write!(f, "run `{}`", abridged(statements)),
            Self::Lookup { looked_for } => write!(f, "look up {looked_for}"),
            Self::Records { table } => write!(f, "read or change the records in {table}"),
        }
    }
}

impl Error {
    /// Returns what failed and what the database returned, where that may have been another session's doing.
    pub fn waited(&self) -> Option<(Work, &DbErr)> {
        match self {
            Self::Lookup { looked_for, source } => {
                let looked_for = looked_for.clone();
                Some((Work::Lookup { looked_for }, source))
            }
            Self::Step { statements, source } => {
                let statements = statements.clone();
                Some((Work::Step { statements }, source))
            }
            _ => None,
        }
    }

    /// Returns what makes an error of one in a lookup of this.
    pub fn looking_for(what: impl Into<String>) -> impl FnOnce(DbErr) -> Self {
        let looked_for = what.into();
        move |source| Self::Lookup { looked_for, source }
    }
}
