//! The arguments of the command line: the subcommands, their options and the text of `--help`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use converge::Engine;
use entity::audit::LEAST_MEMORY;

use super::{database::Access, size};
use crate::{Extent, script::Direction};

/// Creates and maintains the ColPali table `vectors` of one database
///
/// Without a command, `migration` runs `up`. The database comes from -u, from DATABASE_URL in the environment, or
/// from DATABASE_URL in the nearest .env file, in this order.
#[derive(Parser)]
#[command(name = "migration", version, after_help = EXIT_STATUS)]
pub(super) struct Cli {
    /// Show debug messages
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,

    /// PostgreSQL: the schema to work in [default: the schema of the connection, usually public]
    #[arg(
        short = 's',
        long,
        global = true,
        env = "DATABASE_SCHEMA",
        hide_env_values = true
    )]
    pub(super) database_schema: Option<String>,

    /// The database: sqlite://FILE?mode=rwc, postgres://USER:PASSWORD@HOST/DATABASE or
    /// mysql://USER:PASSWORD@HOST/DATABASE (MariaDB too)
    #[arg(
        short = 'u',
        long,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    pub(super) database_url: Option<String>,

    /// Limit how long to wait for another migrator, and for a session that uses a table
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value_t = 60,
        allow_negative_numbers = true
    )]
    pub(super) lock_wait: u64,

    /// Limit the size of a table that may be copied or rewritten, for example 512MiB or 10GB
    ///
    /// `up` and `repair` refuse to copy or rewrite a larger table, before they change anything.
    #[arg(
        long,
        global = true,
        value_name = "SIZE",
        default_value = "1GiB",
        value_parser = size::parse,
        allow_negative_numbers = true
    )]
    pub(super) max_rewrite: u64,

    /// The table that records which migrations are applied [default: seaql_migrations]
    ///
    /// Another SeaORM migrator on the same database uses a table of its own, or has these migrations in its list.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "MIGRATION_TABLE",
        hide_env_values = true
    )]
    pub(super) migration_table: Option<String>,

    /// Create `documents` with the single column `id` if the table does not exist
    ///
    /// MIGRATION_CREATE_DOCUMENTS_IN=DATABASE allows the same in the database of that name (SQLite: in that file). If
    /// your application creates `documents`, start the application first: it would not start on this table.
    #[arg(long, global = true)]
    pub(super) create_documents: bool,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  done; for check: as declared
  1  not done, and stderr says why; for check: differences were found; for repair: differences are left;
      for audit: findings
  2  wrong usage; for check: the shape, or a part of it, could not be inspected;
      for audit: the rows or the points could not be read

Example:
  migration -u \"sqlite://colpali.db?mode=rwc\" --create-documents up";

/// The subcommands of `sea-orm-cli migrate`, with the same arguments, and those that SeaORM does not have.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Apply the pending migrations: all, the next N, or those up to NAME
    #[command(after_help = "Example:\n  migration up --to create_vectors")]
    Up {
        /// Apply only the next N migrations
        #[arg(short, long, value_name = "N")]
        num: Option<u32>,

        /// Apply only the migrations up to NAME, including NAME: a full name, or a part that no other name contains
        #[arg(long, value_name = "NAME", conflicts_with = "num")]
        to: Option<String>,

        /// Print the statements for this database and change nothing
        #[arg(long)]
        dry_run: bool,

        /// Save the output of the dry run and what was found in the database as a plan, for a review
        #[arg(long, value_name = "FILE", requires = "dry_run")]
        save: Option<PathBuf>,

        /// Apply a saved plan, if it is still what `up` would do
        #[arg(long, value_name = "FILE", conflicts_with_all = ["num", "to", "dry_run", "save"])]
        plan: Option<PathBuf>,
    },

    /// Undo the last N applied migrations, or those after NAME; the second migration drops `vectors` with its rows
    #[command(after_help = "Example:\n  migration down --to create_vectors --dry-run")]
    Down {
        /// Undo the last N migrations
        #[arg(short, long, value_name = "N", default_value_t = 1)]
        num: u32,

        /// Undo every migration after NAME and keep NAME: a full name, or a part that no other name contains
        #[arg(long, value_name = "NAME", conflicts_with = "num")]
        to: Option<String>,

        /// Print the statements for this database and change nothing
        #[arg(long)]
        dry_run: bool,
    },

    /// Show when each migration was applied, whether the tables are still as declared, and Alembic's revision
    #[command(after_help = "Example:\n  migration status --json")]
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Compare the tables with the declared shape and change nothing
    ///
    /// Exit status: 0 if the tables are as declared, 1 if they differ, 2 if the shape, or a part of it, could not be
    /// inspected.
    /// Values are not read: `audit` reads them.
    #[command(after_help = "Example:\n  migration check --json")]
    Check {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Read every row, report damaged and unusual ones, and compare the ids with the points of a vector store
    ///
    /// It runs in a read-only transaction on a snapshot, and changes nothing. Exit status: 0 if nothing was found, 1 if
    /// there are findings, 2 if the rows or the points could not be read.
    #[command(after_help = "Example:\n  migration audit --points points.txt --stray-to stray.txt")]
    Audit {
        /// Compare the ids with the points in FILE: one id a line, JSON lines with an `id`, or a JSON array (-: stdin)
        ///
        /// List the store first, then audit. A page that was recorded after the list was made is reported as missing.
        #[arg(long, value_name = "FILE", conflicts_with = "doc")]
        points: Option<PathBuf>,

        /// Write the stray points to this new file, one a line, as the store spells them
        #[arg(long, value_name = "FILE", requires = "points", value_parser = new_file)]
        stray_to: Option<PathBuf>,

        /// Write the missing points to this new file, one a line
        #[arg(long, value_name = "FILE", requires = "points", value_parser = new_file)]
        missing_to: Option<PathBuf>,

        /// Report only stray points that FILE contains too, the --stray-to file of an earlier audit
        #[arg(long, value_name = "FILE", requires = "points")]
        only_if_also: Option<PathBuf>,

        /// The memory to use, 16MiB or more; ids that do not fit go to a temporary file in TMPDIR
        #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = memory)]
        memory: u64,

        /// Read only the document ID
        #[arg(long, value_name = "ID", allow_negative_numbers = true)]
        doc: Option<i32>,

        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Fix every difference from the declared shape that needs no data to be lost or invented
    ///
    /// Exit status: 0 if the tables are as declared afterwards, 1 if differences are left.
    #[command(after_help = "Example:\n  migration repair --delete-orphans --ids-to orphans.jsonl")]
    Repair {
        /// First delete the rows whose document does not exist (orphans)
        #[arg(long)]
        delete_orphans: bool,

        /// Append each orphan to FILE before it is deleted, one JSON object per line (-: print them to stdout; with
        /// --json: as the field `orphans`)
        #[arg(long, value_name = "FILE", requires = "delete_orphans")]
        ids_to: Option<PathBuf>,

        /// Delete the orphans without writing them, although no other table records their vectors in the vector store
        #[arg(long, requires = "delete_orphans", conflicts_with = "ids_to")]
        forget_ids: bool,

        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Print a script that does what `up` or `down` would do, for an administrator to apply
    ///
    /// The command connects to no database. The script records the migrations that it applies, and may be applied twice.
    #[command(after_help = "Example:\n  migration sql --backend postgres > vectors.sql")]
    Sql {
        /// The direction of the script
        #[arg(value_enum, default_value_t = Way::Up)]
        way: Way,

        /// The database that the script is for
        #[arg(long, value_enum)]
        backend: Backend,

        /// Include only the next N migrations, or with `down` undo the last N [default: all, or with `down` 1]
        #[arg(short, long, value_name = "N")]
        num: Option<u32>,

        /// Include only the migrations up to NAME, or with `down` undo every migration after NAME
        #[arg(long, value_name = "NAME", conflicts_with = "num")]
        to: Option<String>,
    },

    /// Undo all applied migrations and apply them again: drops `vectors` with its rows
    #[command(after_help = "Example:\n  migration refresh")]
    Refresh,

    /// Undo all applied migrations: drops `vectors` with its rows, and drops the migration table
    #[command(after_help = "Example:\n  migration reset")]
    Reset,

    /// Drop every table of the database (PostgreSQL: of the schema), then apply all migrations
    ///
    /// If the database has tables that these migrations did not create, `fresh` drops nothing and lists them. To have
    /// them dropped too, set MIGRATION_FRESH_MAY_DROP_ALL_OF to the name of the database.
    #[command(after_help = "Example:\n  MIGRATION_FRESH_MAY_DROP_ALL_OF=app migration fresh")]
    Fresh,

    /// Add an empty migration to the crate
    #[command(after_help = "Example:\n  migration generate add_model")]
    Generate {
        /// The purpose of the migration, in words or in snake case
        migration_name: String,

        /// Date the migration in universal time (the default)
        #[arg(long, conflicts_with = "local_time")]
        universal_time: bool,

        /// Date the migration in local time
        #[arg(long)]
        local_time: bool,
    },

    /// Write SeaORM's template of a migration crate into an empty folder
    #[command(after_help = "Example:\n  mkdir other && cd other && migration init")]
    Init,

    /// Print the completions for a shell
    ///
    /// Save the output in a file that the shell reads when it starts.
    #[command(
        after_help = "Example:\n  migration completions bash > migration.bash && source ./migration.bash"
    )]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Parses the value of `--memory`.
fn memory(text: &str) -> Result<u64, String> {
    match size::parse(text)? {
        bytes if bytes < LEAST_MEMORY => {
            Err(format!("at least {} are needed", size::show(LEAST_MEMORY)))
        }
        bytes => Ok(bytes),
    }
}

fn new_file(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("the report is on stdout: name a file".to_owned()),
        file => Ok(PathBuf::from(file)),
    }
}

/// The direction of a script.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Way {
    /// Apply migrations
    Up,
    /// Undo migrations
    Down,
}

/// The database that a script is written for.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Backend {
    /// PostgreSQL
    Postgres,
    /// MySQL and MariaDB
    Mysql,
    /// SQLite
    Sqlite,
}

impl Way {
    pub(super) fn direction(self) -> Direction {
        match self {
            Self::Up => Direction::Up,
            Self::Down => Direction::Down,
        }
    }

    /// Returns the extent that applies if neither a number nor a name is given.
    pub(super) fn usual(self) -> Extent {
        match self {
            Self::Up => Extent::All,
            Self::Down => Extent::Count(1),
        }
    }
}

impl From<Backend> for Engine {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Postgres => Self::Postgres,
            Backend::Mysql => Self::MySql,
            Backend::Sqlite => Self::Sqlite,
        }
    }
}

impl Command {
    /// Returns the exit status of a command that could not do its work.
    pub(super) fn failure(&self) -> ExitCode {
        match self {
            Self::Check { .. } | Self::Audit { .. } => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// Returns whether the command reads or changes the database.
    pub(super) fn access(&self) -> Access {
        match self {
            Self::Check { .. }
            | Self::Audit { .. }
            | Self::Status { .. }
            | Self::Up { dry_run: true, .. }
            | Self::Down { dry_run: true, .. } => Access::Reads,
            Self::Up { dry_run: false, .. }
            | Self::Down { dry_run: false, .. }
            | Self::Repair { .. }
            | Self::Sql { .. }
            | Self::Refresh
            | Self::Reset
            | Self::Fresh
            | Self::Generate { .. }
            | Self::Init
            | Self::Completions { .. } => Access::Writes,
        }
    }

    /// Returns the stream for messages. It is stderr if stdout carries the requested output, which another program may
    /// parse.
    pub(super) fn messages_to(&self) -> Stream {
        match self {
            Self::Check { json: true }
            | Self::Audit { json: true, .. }
            | Self::Status { json: true }
            | Self::Repair { json: true, .. }
            | Self::Up { dry_run: true, .. }
            | Self::Down { dry_run: true, .. } => Stream::Stderr,
            Self::Repair {
                ids_to: Some(file), ..
            } if file == Path::new("-") => Stream::Stderr,
            _ => Stream::Stdout,
        }
    }
}

/// The stream that messages are written to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_only_reads_takes_one_connection() {
        let connections = |line: &str| {
            let words = ["migration"].into_iter().chain(line.split(' '));
            let parsed = Cli::try_parse_from(words).ok()?;
            Some(parsed.command?.access().connections())
        };

        for reads in ["check", "status", "audit", "up --dry-run", "down --dry-run"] {
            assert_eq!(connections(reads), Some(1), "{reads}");
        }
        for writes in ["up", "down", "repair", "refresh", "reset", "fresh"] {
            assert_eq!(connections(writes), Some(2), "{writes}");
        }
    }
}
