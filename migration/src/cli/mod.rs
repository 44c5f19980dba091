//! The command line: the subcommands of `sea-orm-cli migrate` on async-std.

mod connect;
mod database;
mod environment;
mod error;
mod progress;
mod report;
mod scaffold;

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use sea_orm::DatabaseConnection;
use sea_orm_cli::MigrateSubcommands;
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{Orphans, Runner};
use environment::Dotenv;
use error::CliError;
use progress::Progress;

/// Migrates the ColPali vectors table of one database
#[derive(Parser)]
#[command(name = "migration", version)]
struct Cli {
    /// Show debug messages
    #[arg(short, long, global = true)]
    verbose: bool,

    /// PostgreSQL: the schema to work in [default: public]; other databases have none
    #[arg(short = 's', long, global = true, env = "DATABASE_SCHEMA")]
    database_schema: Option<String>,

    /// sqlite://FILE?mode=rwc, postgres://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE
    #[arg(
        short = 'u',
        long,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    database_url: Option<String>,

    /// For how long to wait for another migrator, and for whoever has a table in use
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60)]
    lock_wait: u64,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Migrate(MigrateSubcommands),

    /// Compare the tables with the declared shape, and change nothing
    ///
    /// Exit status: 0 as declared, 1 differences, 2 could not look.
    #[command(display_order = 61)]
    Check {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Mend what differs from the declared shape, as far as no data is lost or invented
    ///
    /// Exit status: 0 as declared, 1 differences are left.
    #[command(display_order = 62)]
    Repair {
        /// First delete the rows whose document does not exist
        #[arg(long)]
        delete_orphans: bool,
    },
}

impl Command {
    /// What says that the command could not do its work.
    fn failure(&self) -> ExitCode {
        match self {
            Self::Check { .. } => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// Where messages go beside what is asked for.
    fn messages_to(&self) -> Stream {
        match self {
            Self::Check { json: true } => Stream::Stderr,
            _ => Stream::Stdout,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

/// Does what the command line says, with `.env` for what the environment leaves out.
///
/// Exit status: 0 done, 1 not done (stderr says why), 2 wrong usage; `check` has its own.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error),
    };
    let up = MigrateSubcommands::Up { num: None };
    let command = cli.command.unwrap_or(Command::Migrate(up));
    show_messages(cli.verbose, command.messages_to());
    let failure = command.failure();
    let lock_wait = Duration::from_secs(cli.lock_wait);
    let done = carry_out(command, cli.database_url, cli.database_schema, lock_wait).await;
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        failure
    })
}

/// What clap says, but for a URL in the wrong place: it would be shown with its password.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    if error.to_string().contains("://") {
        eprintln!("error: a database URL is given with -u, or in DATABASE_URL");
        return ExitCode::from(2);
    }
    // Where stdout or stderr are closed there is nobody to tell.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

async fn carry_out(
    command: Command,
    url: Option<String>,
    schema: Option<String>,
    lock_wait: Duration,
) -> Result<ExitCode, CliError> {
    let connect = async || {
        let dotenv = Dotenv::read()?;
        let schema = dotenv
            .or(schema, "DATABASE_SCHEMA")
            .unwrap_or("public".to_owned());
        let db = connect::connect(&dotenv.url(url)?, &schema, lock_wait).await?;
        let runner = Runner::new().lock_wait(lock_wait).behind_pooler();
        Ok::<_, CliError>((db, runner.schema(schema)))
    };
    match command {
        Command::Migrate(MigrateSubcommands::Init) => scaffold::init()?,
        Command::Migrate(MigrateSubcommands::Generate {
            migration_name,
            local_time,
            ..
        }) => scaffold::generate(&migration_name, !local_time)?,
        Command::Migrate(command) => {
            let (db, runner) = connect().await?;
            migrate(&db, &runner, command).await?;
        }
        Command::Check { json } => {
            let (db, runner) = connect().await?;
            let report = runner.check(&db).await?;
            let text = match json {
                true => format!("{}\n", report::json(&report)),
                false => report::text(&report),
            };
            say(&text)?;
            return Ok(status(report.as_declared()));
        }
        Command::Repair { delete_orphans } => {
            let orphans = match delete_orphans {
                true => Orphans::Delete,
                false => Orphans::Keep,
            };
            let (db, runner) = connect().await?;
            let repaired = runner.repair(&db, orphans).await?;
            for error in &repaired.failed {
                eprintln!("error: {error}");
            }
            let mut text = String::new();
            if delete_orphans {
                let rows = repaired.deleted_orphans;
                text = format!("rows deleted whose document did not exist: {rows}\n");
            }
            say(&(text + &report::text(&repaired.report)))?;
            return Ok(status(repaired.report.as_declared()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whoever has closed stdout, as `head` does, has read enough.
fn say(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Output(error)),
        _ => Ok(()),
    }
}

fn status(as_declared: bool) -> ExitCode {
    match as_declared {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

async fn migrate(
    db: &DatabaseConnection,
    runner: &Runner,
    command: MigrateSubcommands,
) -> Result<(), CliError> {
    match command {
        MigrateSubcommands::Up { num } => runner.up(db, num).await?,
        MigrateSubcommands::Down { num } => runner.down(db, Some(num)).await?,
        MigrateSubcommands::Status => runner.status(db).await?,
        MigrateSubcommands::Fresh => runner.fresh(db).await?,
        MigrateSubcommands::Refresh => runner.refresh(db).await?,
        MigrateSubcommands::Reset => runner.reset(db).await?,
        MigrateSubcommands::Init | MigrateSubcommands::Generate { .. } => {}
    }
    Ok(())
}

fn show_messages(verbose: bool, stream: Stream) {
    let writer = move || -> Box<dyn io::Write> {
        match stream {
            Stream::Stdout => Box::new(io::stdout()),
            Stream::Stderr => Box::new(io::stderr()),
        }
    };
    let lines = fmt::layer().with_writer(writer).log_internal_errors(false);
    let (lines, filter) = match verbose {
        true => (lines.boxed(), "debug"),
        false => (
            lines
                .with_target(false)
                .with_level(false)
                .without_time()
                .boxed(),
            "migration=info,sea_orm_migration=info",
        ),
    };
    tracing_subscriber::registry()
        .with(EnvFilter::new(filter))
        .with(lines)
        .with(Progress)
        .init();
}
