//! What the command line takes: the subcommands and their arguments, with the help that is shown of them.

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

/// Migrates the ColPali vectors table of one database
///
/// Without a command it applies what is pending, as `up` does. The database is the one of -u, of DATABASE_URL
/// in the environment, or of the nearest .env file.
#[derive(Parser)]
#[command(name = "migration", version, after_help = EXIT_STATUS)]
pub(super) struct Cli {
    /// Show debug messages
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,

    /// PostgreSQL: the schema to work in [default: the connection's own, mostly public]; other databases have none
    #[arg(
        short = 's',
        long,
        global = true,
        env = "DATABASE_SCHEMA",
        hide_env_values = true
    )]
    pub(super) database_schema: Option<String>,

    /// sqlite://FILE?mode=rwc, postgres://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE
    #[arg(
        short = 'u',
        long,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    pub(super) database_url: Option<String>,

    /// For how long to wait for another migrator, and for whoever has a table in use
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60)]
    pub(super) lock_wait: u64,

    /// How large a table may be that is copied or rewritten, such as 512MiB or 10GB: above it nothing is changed
    #[arg(long, global = true, value_name = "SIZE", default_value = "1GiB", value_parser = size::parse)]
    pub(super) max_rewrite: u64,

    /// The table that records which migrations are applied [default: seaql_migrations]
    ///
    /// Another migrator beside this one has its own, or has these migrations in its list.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "MIGRATION_TABLE",
        hide_env_values = true
    )]
    pub(super) migration_table: Option<String>,

    /// Make a `documents` with one column where the application has made none
    ///
    /// MIGRATION_CREATE_DOCUMENTS_IN does the same for the database that it names, of SQLite the file. An application
    /// that makes its own has to be started first: it would not start on this one.
    #[arg(long, global = true)]
    pub(super) create_documents: bool,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

const EXIT_STATUS: &str = "\
Exit status: 0 done, 1 not done (stderr says why), 2 wrong usage.
check: 0 as declared, 1 differences, 2 could not look. repair: 1 where differences are left.
audit: 0 clean, 1 findings, 2 could not read.";

/// The first ones are those of `sea-orm-cli migrate`, with the same arguments.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Apply pending migrations: all, the next N, or those up to one
    Up {
        /// Only the next N
        #[arg(short, long, value_name = "N")]
        num: Option<u32>,

        /// Only up to this one, which is applied too: its name, or a part that no other name has
        #[arg(long, value_name = "NAME", conflicts_with = "num")]
        to: Option<String>,

        /// Show the statements for this database, and change nothing
        #[arg(long)]
        dry_run: bool,

        /// Save what a dry run shows, with what was found, as a plan for a review
        #[arg(long, value_name = "FILE", requires = "dry_run")]
        save: Option<PathBuf>,

        /// Apply the migrations of a saved plan, if nothing has become other since
        #[arg(long, value_name = "FILE", conflicts_with_all = ["num", "to", "dry_run", "save"])]
        plan: Option<PathBuf>,
    },

    /// Take back the last N applied migrations, or those after one; without the second one the table `vectors` is
    /// dropped with its rows
    Down {
        /// How many
        #[arg(short, long, value_name = "N", default_value_t = 1)]
        num: u32,

        /// Every one after this one, which stays applied: its name, or a part that no other name has
        #[arg(long, value_name = "NAME", conflicts_with = "num")]
        to: Option<String>,

        /// Show the statements for this database, and change nothing
        #[arg(long)]
        dry_run: bool,
    },

    /// Show when each migration was applied, whether the tables are still as declared, and Alembic's revision
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Compare the tables with the declared shape, and change nothing
    ///
    /// It reads no values: `audit` does. Exit status: 0 as declared, 1 differences, 2 could not look at all or at a part.
    Check {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Read every row, tell which cannot be read or are odd, and compare the ids with the points of a vector store
    ///
    /// It runs in a read-only transaction on a snapshot, and changes nothing. Exit status: 0 clean, 1 findings, 2 could
    /// not read.
    Audit {
        /// Compare with these points: one id a line, JSON lines with an `id`, or a JSON array (-: stdin)
        ///
        /// The file has to be there before the audit begins: what was recorded later may be missing in it. A point that
        /// was in the store when it was listed and is recorded before the rows are read is not stray.
        #[arg(long, value_name = "FILE", conflicts_with = "doc")]
        points: Option<PathBuf>,

        /// Write the stray points to this new file, one a line, as the store spells them
        #[arg(long, value_name = "FILE", requires = "points", value_parser = new_file)]
        stray_to: Option<PathBuf>,

        /// Write the missing points to this new file, one a line
        #[arg(long, value_name = "FILE", requires = "points", value_parser = new_file)]
        missing_to: Option<PathBuf>,

        /// Call stray only what this file names too: what an earlier audit has written with --stray-to
        #[arg(long, value_name = "FILE", requires = "points")]
        only_if_also: Option<PathBuf>,

        /// How much memory to take, 16MiB or more: ids that do not fit are kept in temporary files (TMPDIR)
        #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = memory)]
        memory: u64,

        /// Read one document alone
        #[arg(long, value_name = "ID", allow_negative_numbers = true)]
        doc: Option<i32>,

        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Mend what differs from the declared shape, as far as no data is lost or invented
    ///
    /// Exit status: 0 as declared, 1 differences are left.
    Repair {
        /// First delete the rows whose document does not exist
        #[arg(long)]
        delete_orphans: bool,

        /// Before they go, add what they say to this file, a JSON object a line (-: to stdout; with --json: as its
        /// field `orphans`)
        #[arg(long, value_name = "FILE", requires = "delete_orphans")]
        ids_to: Option<PathBuf>,

        /// Delete them though nothing else knows which vectors of the vector store were theirs
        #[arg(long, requires = "delete_orphans", conflicts_with = "ids_to")]
        forget_ids: bool,

        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Print the script that `up` or `down` would run on an empty database, for somebody else to apply
    ///
    /// It needs no database, may be applied twice, and records what it does.
    Sql {
        /// Which way
        #[arg(value_enum, default_value_t = Way::Up)]
        way: Way,

        /// For which database
        #[arg(long, value_enum)]
        backend: Backend,

        /// As of `up` and `down`: up takes all, down one, unless N is given
        #[arg(short, long, value_name = "N")]
        num: Option<u32>,

        /// As of `up` and `down`: up to this one, or after it
        #[arg(long, value_name = "NAME", conflicts_with = "num")]
        to: Option<String>,
    },

    /// Take all applied migrations back and apply them again: drops the table `vectors` with its rows
    Refresh,

    /// Take all applied migrations back: drops the table `vectors` with its rows, and the record of migrations
    Reset,

    /// Drop every table of the database (PostgreSQL: of the schema), then apply all migrations
    ///
    /// Where there are tables that these migrations have not made it drops none and lists them, unless
    /// MIGRATION_FRESH_MAY_DROP_ALL_OF is the database's name.
    Fresh,

    /// Add an empty migration to the crate
    Generate {
        /// What it is for, in words or snake case
        migration_name: String,

        /// Date it in universal time, as is the default
        #[arg(long, conflicts_with = "local_time")]
        universal_time: bool,

        /// Date it in local time
        #[arg(long)]
        local_time: bool,
    },

    /// Write SeaORM's template of a migration crate into an empty folder
    Init,

    /// Print the completions of a shell, to be saved where it looks for them
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// The least that `--memory` takes.
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

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Way {
    Up,
    Down,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Backend {
    Postgres,
    /// MySQL and MariaDB
    Mysql,
    Sqlite,
}

impl Way {
    pub(super) fn direction(self) -> Direction {
        match self {
            Self::Up => Direction::Up,
            Self::Down => Direction::Down,
        }
    }

    /// Returns how far it goes where neither a number nor a name is given.
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
    /// What says that the command could not do its work.
    pub(super) fn failure(&self) -> ExitCode {
        match self {
            Self::Check { .. } | Self::Audit { .. } => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// What it does to the database that it is called on.
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

    /// Where messages go beside what is asked for.
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

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}
