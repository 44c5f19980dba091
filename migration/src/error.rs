use converge::{Work, explained};
use sea_orm::DbErr;

use crate::{Location, Report};

/// The variable that names the database that `fresh` may empty.
pub(crate) const MAY_DROP_ALL: &str = "MIGRATION_FRESH_MAY_DROP_ALL_OF";

/// An error that stopped a migration, a check or a repair.
///
/// SeaORM's traits return it as [`DbErr::Migration`] with the same text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tables could not be inspected, or could not be brought to the declared shape.
    #[error(transparent)]
    Converge(converge::Error),

    /// The migration table cannot have the name that was given.
    #[error("the migration table cannot be called {name:?}: {reason}. Give it another name")]
    MigrationTable {
        /// The name.
        name: String,
        /// The reason.
        reason: &'static str,
    },

    /// The table that has the name of the migration table has another form, in which no migration
    /// can be recorded.
    #[error(
        "{location}: the table {table:?} is not one in which SeaORM records migrations: {reason}"
    )]
    MigrationTableForm {
        /// The database and schema of the table.
        location: Location,
        /// The name of the table.
        table: String,
        /// The reason.
        reason: String,
    },

    /// Migrations are recorded that this program does not have.
    #[error(
        "{location}: the table {table:?} records migrations that this program does not have: {names}. \
         If a later release of the program applied them, use that release. If another migrator did, give this \
         one a table of its own (Runner::migration_table), or add migration::Migrator::migrations() to the list of \
         the other migrator and run that one"
    )]
    UnknownMigrations {
        /// The database and schema of the records.
        location: Location,
        /// The migration table.
        table: String,
        /// The names of the migrations.
        names: String,
    },

    /// Every migration is recorded, but the tables are not as declared: another tool or a restored
    /// backup has changed them. Nothing was changed.
    #[error(
        "{}: every migration is recorded as applied, and the tables are not as declared: {}",
        report.location,
        sentences(report)
    )]
    Drifted {
        /// The comparison.
        report: Box<Report>,
    },

    /// The database does not match the plan any more. Nothing was changed.
    #[error(
        "{location}: the plan does not match the database any more: {}. Nothing was changed. Make a new plan and \
         review it",
        differences.join("; ")
    )]
    PlanDiffers {
        /// The database and schema that were inspected.
        location: Location,
        /// The differences, as sentences.
        differences: Vec<String>,
    },

    /// No migration of the list has this name or a name that contains it. Nothing was changed.
    #[error(
        "no migration's name contains {wanted:?}; the migrations are: {}. \
         Give one of these names, or a part that only one of them has",
        names.join(", ")
    )]
    NoSuchMigration {
        /// The name that was given.
        wanted: String,
        /// The names of all migrations, in their order.
        names: Vec<String>,
    },

    /// Several migrations have names that contain this one. Nothing was changed.
    #[error(
        "{wanted:?} is in the names of {} migrations: {}. Give one of these names, or a part that only one of them has",
        names.len(),
        names.join(", ")
    )]
    AmbiguousMigration {
        /// The name that was given.
        wanted: String,
        /// The names that contain it, in the order of the migrations.
        names: Vec<String>,
    },

    /// The script cannot be generated, because the statements of this migration are known only when
    /// it runs.
    #[error(
        "the statements of {migration} are not known without a database: it declares nothing. \
         Print the script of the migrations before it, and apply it with `up`"
    )]
    Unscripted {
        /// The name of the migration.
        migration: String,
    },

    /// `fresh` would drop tables that these migrations did not create. Nothing was changed.
    #[error(
        "{location}: fresh drops every table, and these migrations did not create: {}. Nothing was changed. \
         Name another database, or set {}={:?} to have them dropped (in a program: Runner::fresh_may_drop_all_of)",
        tables.join(", "),
        MAY_DROP_ALL,
        location.database
    )]
    TablesOfOthers {
        /// The database and schema of the tables.
        location: Location,
        /// The names of the tables.
        tables: Vec<String>,
    },

    /// The statement that inserts or deletes a record succeeded but did not take effect.
    #[error(
        "the record of {migration} is {} although the statement to {} it succeeded: a trigger, a rule or a policy of the \
         migration table reverts it. Remove that, and run it again",
        match is_recorded { true => "still there", false => "not there" },
        match is_recorded { true => "delete", false => "insert" }
    )]
    RecordUnchanged {
        /// The name of the migration.
        migration: String,
        /// Whether it is recorded.
        is_recorded: bool,
    },

    /// SeaORM or the database failed outside of a step.
    #[error("{}", migration_text(.0))]
    Migration(#[from] DbErr),

    /// An external migration failed, one that declares nothing. It is not tried again, because
    /// changes that it made before the failure may have been kept.
    #[error("the migration {name} failed: {}", migration_text(.source))]
    ExternalMigration {
        /// The name of the migration.
        name: String,
        /// The error that it returned.
        source: DbErr,
    },

    /// The same migration was the next one each time after it was applied or rolled back.
    #[error(
        "the migration {migration} is still the next one after it was applied or rolled back several times. \
         Inspect its record, and the triggers and views of the migration table"
    )]
    NoProgress {
        /// The name of the migration.
        migration: String,
    },
}

impl Error {
    /// Returns the answer of the database or the driver, if that is the cause.
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
    /// Returns the failed work and the database's answer, if another session may be the cause.
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

/// Removes the prefix with which SeaORM's traits return errors of this crate, because it tells an
/// operator nothing.
fn migration_text(error: &DbErr) -> String {
    match error {
        DbErr::Migration(text) | DbErr::Custom(text) => text.clone(),
        error => explained(error),
    }
}
