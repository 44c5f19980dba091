use converge::{Work, explained};
use sea_orm::DbErr;

use crate::{Location, Report};

/// Names the database that `fresh` may empty.
pub(crate) const MAY_DROP_ALL: &str = "MIGRATION_FRESH_MAY_DROP_ALL_OF";

/// Why a migration, a check or a repair stopped.
///
/// Through SeaORM's traits it arrives as [`DbErr::Migration`] with the same text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tables could not be inspected, or could not be brought to the declared shape.
    #[error(transparent)]
    Converge(converge::Error),

    /// The table of the records cannot have the name that it was given.
    #[error("the migration table cannot be called {name:?}: {reason}. Give it another name")]
    MigrationTable {
        /// The name.
        name: String,
        /// What speaks against it.
        reason: &'static str,
    },

    /// A table has the name of the table of records and another form, in which no migration can be recorded.
    #[error(
        "{location}: the table {table:?} is not one in which SeaORM records migrations: {reason}"
    )]
    MigrationTableForm {
        /// Where it is.
        location: Location,
        /// Its name.
        table: String,
        /// What speaks against it.
        reason: String,
    },

    /// Migrations have been applied that are not this program's.
    #[error(
        "{location}: the table {table:?} records migrations that this program does not have: {names}. \
         If a later release of the program applied them, use that release. If another migrator did, give this \
         one a table of its own (Runner::migration_table), or add migration::Migrator::migrations() to the list of \
         the other migrator and run that one"
    )]
    UnknownMigrations {
        /// Where they are recorded.
        location: Location,
        /// The table that records them.
        table: String,
        /// Their names.
        names: String,
    },

    /// Every migration is recorded, and the tables are not what they declare: another tool or a restored backup has
    /// changed them since. Nothing was changed.
    #[error(
        "{}: every migration is recorded as applied, and the tables are not as declared: {}",
        report.location,
        sentences(report)
    )]
    Drifted {
        /// What differs.
        report: Box<Report>,
    },

    /// What would be done is not what was planned. Nothing was changed.
    #[error(
        "{location}: the plan does not match the database any more: {}. Nothing was changed. Make a new plan and \
         review it",
        differences.join("; ")
    )]
    PlanDiffers {
        /// Where it was looked.
        location: Location,
        /// What is other, in sentences.
        differences: Vec<String>,
    },

    /// A migration was named, and none of the list is called so. Nothing was changed.
    #[error(
        "no migration's name contains {wanted:?}; the migrations are: {}. \
         Give one of these names, or a part that only one of them has",
        names.join(", ")
    )]
    NoSuchMigration {
        /// What was looked for.
        wanted: String,
        /// The names of all migrations, in their order.
        names: Vec<String>,
    },

    /// A migration was named by what several have in their names. Nothing was changed.
    #[error(
        "{wanted:?} is in the names of {} migrations: {}. Give one of these names, or a part that only one of them has",
        names.len(),
        names.join(", ")
    )]
    AmbiguousMigration {
        /// What was looked for.
        wanted: String,
        /// The names that have it, in the order of the migrations.
        names: Vec<String>,
    },

    /// A script was asked for, and this migration's statements are known only where it is run.
    #[error(
        "the statements of {migration} are not known without a database: it declares nothing. \
         Print the script of the migrations before it, and apply it with `up`"
    )]
    Unscripted {
        /// Its name.
        migration: String,
    },

    /// `fresh` would drop what these migrations have not made. Nothing was changed.
    #[error(
        "{location}: fresh drops every table, and these migrations did not create: {}. Nothing was changed. \
         Name another database, or set {}={:?} to have them dropped (in a program: Runner::fresh_may_drop_all_of)",
        tables.join(", "),
        MAY_DROP_ALL,
        location.database
    )]
    TablesOfOthers {
        /// Where they are.
        location: Location,
        /// Their names.
        tables: Vec<String>,
    },

    /// What was to be recorded is not, or the other way round, though the statement succeeded.
    #[error(
        "the record of {migration} is {} although the statement to {} it succeeded: a trigger, a rule or a policy of the \
         migration table reverts it. Remove that, and run it again",
        match is_recorded { true => "still there", false => "not there" },
        match is_recorded { true => "delete", false => "insert" }
    )]
    RecordUnchanged {
        /// The migration's name.
        migration: String,
        /// Whether it is recorded.
        is_recorded: bool,
    },

    /// SeaORM or the database failed outside of a step.
    #[error("{}", migration_text(.0))]
    Migration(#[from] DbErr),

    /// An external migration failed, one that declares nothing. It is not tried again: what it has done before it
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
        "the migration {migration} is still the next one after it was applied or rolled back several times. \
         Look at its record, and at the triggers and views of the migration table"
    )]
    NoProgress {
        /// Its name.
        migration: String,
    },
}

impl Error {
    /// Returns what the database or the driver answered, where that is why it stopped.
    pub(crate) fn source_of_database(&self) -> Option<&DbErr> {
        match self {
            Self::Migration(source)
            | Self::Converge(
                converge::Error::Database(source)
                | converge::Error::Lookup { source, .. }
                | converge::Error::Step { source, .. },
            ) => Some(source),
            _ => None,
        }
    }
}

impl Error {
    /// Returns what failed and what the database returned, where that may have been another session's doing.
    pub(crate) fn waited(&self, records: &str) -> Option<(Work, &DbErr)> {
        match self {
            Self::Migration(source) => {
                let table = records.to_owned();
                Some((Work::Records { table }, source))
            }
            Self::Converge(error) => error.waited(),
            _ => None,
        }
    }
}

impl From<converge::Error> for Error {
    fn from(error: converge::Error) -> Self {
        match error {
            converge::Error::Database(source) => Self::Migration(source),
            error => Self::Converge(error),
        }
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

fn sentences(report: &Report) -> String {
    let differences = report.differences.iter().map(ToString::to_string);
    differences.collect::<Vec<String>>().join("; ")
}

/// Our own errors come back from SeaORM's traits with a prefix that says nothing to an operator.
fn migration_text(error: &DbErr) -> String {
    match error {
        DbErr::Migration(text) | DbErr::Custom(text) => text.clone(),
        error => explained(error),
    }
}
