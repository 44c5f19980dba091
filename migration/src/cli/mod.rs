//! The command line: the subcommands of `sea-orm-cli migrate` on async-std.

mod arguments;
mod audit;
mod connect;
mod database;
mod details;
mod dotenv;
mod environment;
mod error;
mod ids;
mod migrator_list;
mod parameters;
mod plan_file;
mod progress;
mod report;
mod scaffold;
mod size;
mod sqlite;
mod tls;

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{
    CommandFactory, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use converge::Engine;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{CreateDocuments, Extent, Location, Orphans, Plan, Report, Runner, script::script};
use arguments::{Cli, Command, Stream};
use database::{Access, Database};
use environment::Dotenv;
use error::CliError;
use ids::Ids;
use progress::Progress;
use report::{audit_json, audit_text, json, text};

/// Runs the command of the command line. `.env` supplies the variables that the environment does not set.
///
/// Exit status: 0 done, 1 not done (stderr shows why), 2 wrong usage. `check`, `repair` and `audit` have exit statuses of their own.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error),
    };
    let command = cli.command.unwrap_or(Command::Up {
        num: None,
        to: None,
        dry_run: false,
        save: None,
        plan: None,
    });
    show_messages(cli.verbose, command.messages_to());
    let failure = command.failure();
    let target = Target {
        url: cli.database_url,
        schema: cli.database_schema,
        lock_wait: Duration::from_secs(cli.lock_wait),
        max_rewrite: cli.max_rewrite,
        migration_table: cli.migration_table,
        create_documents: cli.create_documents,
    };
    let done = Box::pin(carry_out(command, target)).await;
    done.unwrap_or_else(|error| {
        complain(&format_args!("{error}{}", details::of(&error)));
        if let Some(hint) = error.hint() {
            advise(hint);
        }
        failure
    })
}

/// Prints clap's error. If an argument may be a URL in the wrong place, prints the kind of error only, because clap's
/// message would show the URL with its password.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    // Any argument may be a part of the URL, because a shell splits an unquoted one at a space.
    let may_be_a_url = |argument: &String| argument.contains([':', '@']);
    let arguments = || env::args_os().skip(1);
    if error.use_stderr()
        && arguments().any(|one| may_be_a_url(&one.to_string_lossy().into_owned()))
    {
        // The name of the argument, never its value.
        let is_known = [
            ErrorKind::ArgumentConflict,
            ErrorKind::InvalidValue,
            ErrorKind::ValueValidation,
        ]
        .contains(&error.kind());
        match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(name)) if is_known => {
                complain(&format_args!("{}: {name}", error.kind()));
                advise("`--help` shows what the option accepts");
            }
            _ => {
                complain(&error.kind());
                advise(
                    "give the database URL with -u, between quotes, or in DATABASE_URL; `--help` shows all options",
                );
            }
        }
        return ExitCode::from(2);
    }
    // A failure of stdout or stderr cannot be reported anywhere.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The options that concern the database, from the command line or the environment.
#[derive(Clone)]
struct Target {
    url: Option<String>,
    schema: Option<String>,
    lock_wait: Duration,
    max_rewrite: u64,
    migration_table: Option<String>,
    create_documents: bool,
}

/// A connected database and the runner for it.
struct Connected {
    db: DatabaseConnection,
    runner: Runner,
    /// The SQLite file that does not exist, if an empty database in memory stands for it.
    absent_file: Option<PathBuf>,
}

/// Allows a runner to create `documents` in the database that stands for the file, if it may create it in the file.
fn standing_for(file: &Path, runner: Runner) -> Runner {
    let location = Location {
        database: file.display().to_string(),
        schema: None,
    };
    let create = &runner.settings().engine.create_required;
    match create.allows(Engine::Sqlite, &location) {
        true => runner.create_documents(CreateDocuments::Anywhere),
        false => runner,
    }
}

impl Connected {
    /// Replaces the name of the database in memory with that of the file that it stands for.
    fn name(&self, location: &mut Location) {
        if let Some(file) = &self.absent_file {
            location.database = file.display().to_string();
        }
    }

    /// Requires that a plan is what `up` would do in the file that does not exist.
    async fn require(&self, plan: &Plan) -> Result<(), CliError> {
        let Self { db, runner, .. } = self;
        let mut here = runner.plan_of(db, Extent::All, Vec::new()).await?.location;
        self.name(&mut here);
        Ok(runner.require_plan(db, plan, here).await?)
    }
}

impl Target {
    async fn connect(mut self, access: Access) -> Result<Connected, CliError> {
        let dotenv = Dotenv::read();
        let url = dotenv.url(self.url.take())?;
        warn_of_damage(&dotenv);
        let schema = dotenv.schema(self.schema.take())?;
        let database = Database::parse(&url, schema.as_deref())?.accessed(access, self.lock_wait);
        let pool = connect::Pool {
            database: &database,
            connections: access.connections(),
            lock_wait: self.lock_wait,
        };
        let (db, schema) = connect::connect(pool, schema).await?;
        let absent_file = database.absent_file().map(PathBuf::from);
        let mut runner = self.runner(&dotenv, Engine::of(&db));
        if let Some(file) = &absent_file {
            runner = standing_for(file, runner);
        }
        let runner = match schema {
            Some(schema) => runner.schema(schema),
            None => runner,
        };
        Ok(Connected {
            db,
            runner,
            absent_file,
        })
    }

    fn runner(self, dotenv: &Dotenv, backend: Engine) -> Runner {
        let create_documents = match self.create_documents {
            true => CreateDocuments::Anywhere,
            false => dotenv.create_documents(backend),
        };
        let runner = Runner::new()
            .lock_wait(self.lock_wait)
            .max_rewrite(self.max_rewrite)
            .behind_pooler()
            .create_documents(create_documents)
            .creation_hint(CREATION_HINT);
        match dotenv.migration_table(self.migration_table) {
            Some(table) => runner.migration_table(table),
            None => runner,
        }
    }
}

/// The next step where `documents` is missing.
const CREATION_HINT: &str = "If no application creates it, use --create-documents, or \
    MIGRATION_CREATE_DOCUMENTS_IN with the name of the database";

/// The schema of a script if none is named: there is no connection whose own schema could be used.
const SCHEMA_OF_SCRIPTS: &str = "public";

async fn carry_out(command: Command, target: Target) -> Result<ExitCode, CliError> {
    let access = command.access();
    match command {
        Command::Init => scaffold::init()?,
        Command::Generate {
            migration_name,
            local_time,
            ..
        } => {
            let clock = match local_time {
                true => scaffold::Clock::Local,
                false => scaffold::Clock::Universal,
            };
            scaffold::generate(&migration_name, clock)?;
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "migration", &mut script);
            say(&String::from_utf8_lossy(&script))?;
        }
        Command::Sql {
            way,
            backend,
            num,
            to,
        } => {
            let extent = extent(num, to, way.usual());
            let (dotenv, backend) = (Dotenv::read(), backend.into());
            warn_of_damage(&dotenv);
            let schema = dotenv.schema(target.schema.clone())?;
            let schema = schema.unwrap_or(SCHEMA_OF_SCRIPTS.to_owned());
            let runner = target.runner(&dotenv, backend).schema(schema);
            say(&script(
                backend,
                runner.settings(),
                way.direction(),
                extent,
            )?)?;
        }
        Command::Up {
            plan: Some(file), ..
        } => up_as_planned(target, &file).await?,
        Command::Up {
            num,
            to,
            dry_run: true,
            save,
            ..
        } => {
            let extent = listed(extent(num, to, Extent::All))?;
            let connected = target.connect(access).await?;
            dry_run_of_up(&connected, extent, save.as_deref()).await?;
        }
        Command::Up { num, to, .. } => {
            let extent = listed(extent(num, to, Extent::All))?;
            let Connected { db, runner, .. } = target.connect(access).await?;
            runner.up_or_drifted(&db, extent).await?;
        }
        Command::Down { num, to, dry_run } => {
            let extent = listed(extent(None, to, Extent::Count(num)))?;
            let Connected { db, runner, .. } = target.connect(access).await?;
            match dry_run {
                true => {
                    let previews = runner.preview_down(&db, extent.clone()).await?;
                    say(&text::previews(&previews, &extent, u64::MAX))?;
                }
                false => runner.down(&db, extent).await?,
            }
        }
        Command::Refresh => {
            let Connected { db, runner, .. } = target.connect(access).await?;
            runner.refresh(&db).await?;
        }
        Command::Reset => {
            let Connected { db, runner, .. } = target.connect(access).await?;
            runner.reset(&db).await?;
        }
        Command::Fresh => {
            let Connected { db, mut runner, .. } = target.connect(access).await?;
            if let Ok(database) = env::var(Runner::MAY_DROP_ALL) {
                runner = runner.fresh_may_drop_all_of(database);
            }
            runner.fresh(&db).await?;
        }
        Command::Status { json } => {
            let connected = target.connect(access).await?;
            let mut status = connected.runner.status(&connected.db).await?;
            connected.name(&mut status.location);
            if let Ok(report) = &mut status.shape {
                connected.name(&mut report.location);
            }
            say_either(json, &json::status(&status), &text::status(&status))?;
        }
        Command::Check { json } => {
            let connected = target.connect(access).await?;
            let mut report = connected.runner.check(&connected.db).await?;
            connected.name(&mut report.location);
            say_either(json, &json::report(&report), &text::checked(&report))?;
            return Ok(exit_status(&report));
        }
        Command::Audit {
            points,
            stray_to,
            missing_to,
            only_if_also,
            memory,
            doc,
            json,
        } => {
            let connected = target.connect(access).await?;
            let choices = audit::Choices {
                points,
                stray_to,
                missing_to,
                only_if_also,
                memory,
                doc_id: doc,
            };
            // Boxed, as deep as it is: the compiler lays out no future of any depth.
            let report = Box::pin(audit::audit(&connected, choices)).await?;
            say_either(
                json,
                &audit_json::audit(&report),
                &audit_text::audit(&report),
            )?;
            return Ok(match report.findings.all() {
                0 => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            });
        }
        Command::Repair {
            delete_orphans,
            ids_to,
            forget_ids,
            json,
        } => {
            let mut ids = Ids::to(ids_to, forget_ids, json);
            let Connected { db, runner, .. } = target.connect(access).await?;
            let field = ids.field();
            if let Some((begin, _)) = field {
                say(begin)?;
            }
            let lines_on_stdout = field.is_none() && matches!(ids, Ids::Stdout(_));
            let orphans = match delete_orphans {
                true => Orphans::Delete(&mut ids),
                false => Orphans::Keep,
            };
            let repaired = match (runner.repair(&db, orphans).await, field) {
                (Ok(repaired), _) => repaired,
                (Err(error), None) => return Err(error.into()),
                (Err(error), Some((_, end))) => {
                    let object = json!({ "error": error.to_string() }).to_string();
                    say(&format!("{end}{}\n", &object[1..]))?;
                    return Err(error.into());
                }
            };
            for error in &repaired.failed {
                complain(&format_args!("{error}{}", details::of(error)));
            }
            let text = text::repaired(&repaired, delete_orphans);
            let object = json::repaired(&repaired);
            match field {
                Some((_, end)) => say(&format!("{end}{}\n", &object.to_string()[1..]))?,
                None if lines_on_stdout => whisper(&text),
                None => say_either(json, &object, &text)?,
            }
            return Ok(exit_status(&repaired.report));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the dry run, and saves a plan from the same inspection. As `up` does, fails if nothing is
/// left to apply and the tables are not as declared.
async fn dry_run_of_up(
    connected: &Connected,
    extent: Extent,
    save: Option<&Path>,
) -> Result<(), CliError> {
    let Connected { db, runner, .. } = connected;
    let previews = runner.preview_up(db, extent.clone()).await?;
    if previews.is_empty() && extent != Extent::Count(0) {
        runner.require_no_drift(db).await?;
    }
    let limit = runner.settings().engine.max_rewrite;
    let shown = text::previews(&previews, &extent, limit);
    if let Some(file) = save {
        let mut plan = runner.plan_of(db, extent, previews).await?;
        connected.name(&mut plan.location);
        plan_file::save(&plan, file)?;
        tracing::info!("saved the plan in {}", file.display());
    }
    say(&shown)
}

/// Applies a plan. Opening an SQLite file that does not exist creates it, so the plan is compared first.
async fn up_as_planned(target: Target, file: &Path) -> Result<(), CliError> {
    let plan = plan_file::read(file)?;
    let mut connected = target.clone().connect(Access::ReadsFirst).await?;
    if connected.absent_file.is_some() {
        connected.require(&plan).await?;
        connected = target.connect(Access::Writes).await?;
    }
    let Connected { db, runner, .. } = connected;
    Ok(runner.up_as_planned(&db, &plan).await?)
}

fn extent(num: Option<u32>, to: Option<String>, usual: Extent) -> Extent {
    let counted = num.map(Extent::Count);
    to.map(Extent::To).or(counted).unwrap_or(usual)
}

/// Returns the extent if its migration exists. Called before the database is opened, which would create an SQLite file.
fn listed(extent: Extent) -> Result<Extent, CliError> {
    Runner::new().settings().range(extent.clone())?;
    Ok(extent)
}

/// Warns that a part of `.env` is not read, which may name the migration table.
fn warn_of_damage(dotenv: &Dotenv) {
    if let Some(damage) = dotenv.damage() {
        whisper(&format!(
            "warning: {damage}; the rest of the file is not read\n"
        ));
    }
}

/// Prints an error on one line of stderr: in red on a terminal, unless NO_COLOR is set.
fn complain(error: &impl std::fmt::Display) {
    let style = text::ERROR;
    // A statement in the message may contain line breaks, for example those of a CHECK's text.
    let error = error.to_string();
    let error: Vec<&str> = error.lines().map(str::trim).collect();
    let error = error.join(" ");
    // A failure of stderr cannot be reported anywhere.
    let _ = writeln!(anstream::stderr(), "{style}error:{style:#} {error}");
}

/// Prints the next step after an error.
fn advise(hint: &str) {
    let style = text::HINT;
    // A failure of stderr cannot be reported anywhere.
    let _ = writeln!(anstream::stderr(), "{style}hint:{style:#} {hint}");
}

/// Prints a text to stderr, while stdout carries rows that another program may read.
fn whisper(text: &str) {
    // A failure of stderr cannot be reported anywhere.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

fn say_either(json: bool, object: &Value, text: &str) -> Result<(), CliError> {
    match json {
        true => say(&format!("{object}\n")),
        false => say(text),
    }
}

/// Prints a text to stdout, without its colours if stdout is no terminal. A reader that closes the pipe early, as `head`
/// does, causes no error.
fn say(text: &str) -> Result<(), CliError> {
    let mut stdout = anstream::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Output(error)),
        _ => Ok(()),
    }
}

/// Returns 0 if the tables are as declared, 1 if they differ, and 2 if a part could not be compared.
fn exit_status(report: &Report) -> ExitCode {
    match (report.unknown.as_slice(), report.differences.as_slice()) {
        ([], []) => ExitCode::SUCCESS,
        ([], _) => ExitCode::FAILURE,
        (_, _) => ExitCode::from(2),
    }
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
        // sqlx logs the value of a parameter that it does not know, which may be a password.
        true => (
            lines.boxed(),
            "debug,sqlx_postgres::options=error,sqlx_mysql::options=error",
        ),
        false => (
            lines
                .with_target(false)
                .with_level(false)
                .without_time()
                .boxed(),
            "migration=info,converge=info,sea_orm_migration=info",
        ),
    };
    tracing_subscriber::registry()
        .with(EnvFilter::new(filter))
        .with(lines)
        .with(Progress)
        .init();
}
