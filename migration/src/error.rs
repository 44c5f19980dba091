use sea_orm::DbErr;

use crate::{
    Place, Runner,
    schema::{report::DifferenceReport, step::Plan},
    server_error,
};

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
        "{place} cannot be brought to the declared shape, and {}: {}",
        match done {
            0 => "its tables were not changed".to_owned(),
            1 => "1 step that was done before stays".to_owned(),
            done => format!("{done} steps that were done before stay"),
        },
        reasons.join("; ")
    )]
    Refused {
        /// Where it was looked.
        place: Place,
        /// What was found, each with its next step.
        reasons: Vec<String>,
        /// How many steps had been done before it was found.
        done: usize,
    },

    /// A step failed. What was done before it stays, and the next run goes on from there.
    #[error(
        "could not run `{statements}`: {}. What was done before stays; run it again to go on",
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
        "`vectors` has to be rebuilt, which would change its rows, so that its tables were not changed: {}. \
         SQLite would convert or leave out what does not fit the column's declaration: change that by hand first",
        changed.join(", ")
    )]
    RowsChanged {
        /// Each column whose values would have changed, with the number of rows.
        changed: Vec<String>,
    },

    /// What rows without a document say could not be stored, so that they were not deleted.
    #[error(
        "what the rows to delete say could not be stored, so that none of them was deleted: {source}"
    )]
    OrphansNotStored {
        /// Why.
        source: std::io::Error,
    },

    /// The deletion of rows without a document was rolled back, and what they say could not be taken back.
    #[error(
        "rows whose document does not exist stayed, and what was written of them could not be taken back: {source}. \
         Repair again: they are written once more before they go"
    )]
    OrphansNotWithdrawn {
        /// Why.
        source: std::io::Error,
    },

    /// Rows without a document are still there after a DELETE that succeeded, which was rolled back.
    #[error(
        "{} whose document does not exist stayed when it was deleted, which was rolled back. {}. \
         Delete by hand what is kept, or let it be deleted, and repair again",
        match rows { 1 => "1 row".to_owned(), rows => format!("each of {rows} rows") },
        match found.as_slice() {
            [] => "What keeps it was not found".to_owned(),
            found => format!("What may keep it: {}", found.join(", ")),
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
        "waited {seconds} s for {}, which is at work on {}. Nothing was changed. \
         Try again later, or wait longer",
        holder.as_deref().unwrap_or("another migrator or writer"),
        place.as_ref().map_or("this database".to_owned(), ToString::to_string)
    )]
    Locked {
        /// Where it was looked.
        place: Option<Place>,
        /// For how many seconds it was waited.
        seconds: f64,
        /// Who is at work, as far as this role may know.
        holder: Option<String>,
    },

    /// Others had a table in use for longer than was to be waited.
    #[error(
        "waited {seconds} s to run `{statements}` for {}. What was done before stays. \
         End what has the table in use, or wait longer",
        holder.as_deref().unwrap_or("somebody who has the table in use")
    )]
    InUse {
        /// The statements of the step.
        statements: String,
        /// For how many seconds it was waited.
        seconds: f64,
        /// Who has it, as far as this role may know.
        holder: Option<String>,
    },

    /// The table of the records cannot have the name that it was given.
    #[error("the migration table cannot be called {name:?}: {reason}. Give it another name")]
    MigrationTable {
        /// The name.
        name: String,
        /// What speaks against it.
        reason: &'static str,
    },

    /// Migrations have been applied that are not this program's.
    #[error(
        "{place}: the table {table:?} records migrations that this program does not have: {names}. \
         Where a later release of the program has applied them, use that release. Where another migrator \
         has, give this one a table of its own (Runner::migration_table), or add \
         migration::Migrator::migrations() to the list of the other and run that"
    )]
    UnknownMigrations {
        /// Where they are recorded.
        place: Place,
        /// The table that records them.
        table: String,
        /// Their names.
        names: String,
    },

    /// A script was asked for, and this migration's statements are known only where it is run.
    #[error(
        "the statements of {migration} are not known without a database: it is not one of the declared shape. \
         Give sql -n the number of migrations before it, and apply it with up"
    )]
    Unscripted {
        /// Its name.
        migration: String,
    },

    /// `fresh` would drop what these migrations have not made. Nothing was changed.
    #[error(
        "{place}: fresh drops every table, and these are not of these migrations: {}. Nothing was changed. \
         Name another database, or set {}={:?} to have them dropped (in a program: Runner::fresh_may_drop_all_of)",
        tables.join(", "),
        Runner::MAY_DROP_ALL,
        place.database
    )]
    TablesOfOthers {
        /// Where they are.
        place: Place,
        /// Their names.
        tables: Vec<String>,
    },

    /// Other tables refer to what would be dropped. Nothing was changed.
    #[error(
        "{place}: {} would lose rows or a foreign key with what is to be dropped. Nothing was changed. \
         Drop their foreign keys to it first",
        tables.join(", ")
    )]
    ReferredTo {
        /// Where it was looked.
        place: Place,
        /// The tables that refer to it.
        tables: Vec<String>,
    },

    /// What was to be recorded is not, or the other way round, though the statement succeeded.
    #[error(
        "the record of {migration} is {} after the statement that was to {} it: a trigger, a rule or a policy of the \
         table of migrations keeps it so. Remove that, and run it again",
        match is_recorded { true => "still there", false => "not there" },
        match is_recorded { true => "delete", false => "insert" }
    )]
    RecordUnchanged {
        /// The migration's name.
        migration: String,
        /// Whether it is recorded.
        is_recorded: bool,
    },

    /// SeaORM or a migration of another author failed.
    #[error("{}", migration_text(.0))]
    Migration(#[from] DbErr),

    /// The last inspection still found differences, so nothing was recorded.
    #[error("{place} is still not as declared, and nothing was recorded: {}", differences.join("; "))]
    StillDiffers {
        /// Where it was looked.
        place: Place,
        /// What was found.
        differences: Vec<String>,
    },

    /// A migration that is not of this workspace failed. It is not tried again: what it has done before it
    /// failed may have stayed.
    #[error("the migration {name} failed: {}", migration_text(.source))]
    ExternalMigration {
        /// Its name.
        name: String,
        /// What it returned.
        source: DbErr,
    },

    /// One migration was applied or rolled back again and again, and its record did not follow.
    #[error(
        "the migration {migration} is the next one again after each time that it is applied or rolled back. \
         Look at its record and at the triggers and views of the table that holds it"
    )]
    NoProgress {
        /// Its name.
        migration: String,
    },

    /// A step changed nothing, or what it changed was changed back.
    #[error(
        "`{last}` would be run again, and again: it does not bring the shape about, or somebody changes it back. \
         Compare with `check`, and do by hand what is left"
    )]
    NoEnd {
        /// The statements of the step.
        last: String,
    },
}

impl Error {
    pub(crate) fn looking_for(what: impl Into<String>) -> impl FnOnce(DbErr) -> Self {
        let looked_for = what.into();
        move |source| Self::Lookup { looked_for, source }
    }

    pub(crate) fn refused<'p>(
        place: Place,
        plans: impl Iterator<Item = &'p Plan>,
        done: usize,
    ) -> Self {
        let reasons = plans
            .map(|plan| DifferenceReport::of(plan, None).to_string())
            .collect();
        Self::Refused {
            place,
            reasons,
            done,
        }
    }

    pub(crate) fn still_differs(place: Place, plans: &[Plan]) -> Self {
        let differences = plans
            .iter()
            .map(|plan| DifferenceReport::of(plan, None).to_string())
            .collect();
        Self::StillDiffers { place, differences }
    }
}

impl From<Error> for DbErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Migration(error) => error,
            error => DbErr::Migration(error.to_string()),
        }
    }
}

/// Our own errors come back from SeaORM's traits with a prefix that says nothing to an operator.
fn migration_text(error: &DbErr) -> String {
    match error {
        DbErr::Migration(text) | DbErr::Custom(text) => text.clone(),
        error => explained(error),
    }
}

/// What the database said, and the next step where one is known.
pub(crate) fn explained(error: &DbErr) -> String {
    let message = server_error::message(error);
    match server_error::next_step(error) {
        Some(next_step) => format!("{message} ({next_step})"),
        None => message,
    }
}
