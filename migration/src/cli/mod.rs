//! The command line: the subcommands of `sea-orm-cli migrate` on async-std.

mod connect;
mod database;
mod error;
mod scaffold;

use std::process::ExitCode;

use clap::Parser;
use sea_orm::DatabaseConnection;
use sea_orm_cli::MigrateSubcommands;
use tracing_subscriber::EnvFilter;

use crate::{Migrator, MigratorTrait};
use error::CliError;

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

    #[command(subcommand)]
    command: Option<MigrateSubcommands>,
}

/// Does what the command line says, with `.env` for what the environment leaves out.
///
/// Exit status: 0 done, 1 not done (stderr says why), 2 wrong usage.
pub async fn run() -> ExitCode {
    match try_run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn try_run() -> Result<(), CliError> {
    load_dotenv()?;
    let cli = Cli::parse();
    show_messages(cli.verbose);
    let command = cli.command.unwrap_or(MigrateSubcommands::Up { num: None });
    match command {
        MigrateSubcommands::Init => scaffold::init(),
        MigrateSubcommands::Generate {
            migration_name,
            local_time,
            ..
        } => scaffold::generate(&migration_name, !local_time),
        command => {
            let schema = present(cli.database_schema).unwrap_or("public".to_owned());
            let url = present(cli.database_url).ok_or(CliError::UrlMissing)?;
            let db = connect::connect(&url, &schema).await?;
            migrate(&db, command).await
        }
    }
}

async fn migrate(db: &DatabaseConnection, command: MigrateSubcommands) -> Result<(), CliError> {
    match command {
        MigrateSubcommands::Up { num } => Migrator::up(db, num).await?,
        MigrateSubcommands::Down { num } => Migrator::down(db, Some(num)).await?,
        MigrateSubcommands::Status => Migrator::status(db).await?,
        MigrateSubcommands::Fresh => Migrator::fresh(db).await?,
        MigrateSubcommands::Refresh => Migrator::refresh(db).await?,
        MigrateSubcommands::Reset => Migrator::reset(db).await?,
        MigrateSubcommands::Init | MigrateSubcommands::Generate { .. } => {}
    }
    Ok(())
}

/// A variable that is set to nothing is as good as unset.
fn present(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

fn load_dotenv() -> Result<(), CliError> {
    match dotenvy::dotenv() {
        Err(error) if !error.not_found() => Err(CliError::Dotenv(error)),
        _ => Ok(()),
    }
}

fn show_messages(verbose: bool) {
    let messages = tracing_subscriber::fmt();
    if verbose {
        messages.with_env_filter(EnvFilter::new("debug")).init();
    } else {
        messages
            .with_env_filter(EnvFilter::new("migration=info,sea_orm_migration=info"))
            .with_target(false)
            .with_level(false)
            .without_time()
            .init();
    }
}
