//! Runs programs as a user would.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    mem,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use migration::{CreateDocuments, Runner};
use sea_orm::DbBackend;
use url::Url;

use crate::engines::{Database, workspace};

/// The output of a finished program.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    #[track_caller]
    pub fn expect_success(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Returns the one sentence on stderr, after exit status 1 and no panic. Indented lines before
    /// it report what is waited for.
    #[track_caller]
    pub fn expect_error(mut self) -> String {
        let is_progress = |line: &&str| line.starts_with("  ");
        self.stderr = self
            .stderr
            .split_inclusive('\n')
            .skip_while(is_progress)
            .collect();
        assert_eq!(self.code, Some(1), "{}\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert!(!self.stderr.contains("backtrace"), "{}", self.stderr);
        let beyond_the_error: Vec<&str> = self.stderr.lines().skip(1).collect();
        let is_hint = |line: &&str| line.starts_with("hint: ");
        assert!(
            beyond_the_error.len() <= 1 && beyond_the_error.iter().all(is_hint),
            "{}",
            self.stderr
        );
        self.stderr
    }
}

impl Finished {
    /// Returns the error on stderr, after exit status 1, if messages of a dry run come before it.
    #[track_caller]
    pub fn expect_error_after_messages(self) -> String {
        assert_eq!(self.code, Some(1), "{}\n{}", self.stdout, self.stderr);
        let error = self.last_error();
        assert!(!error.is_empty(), "{}", self.stderr);
        error.to_owned()
    }

    /// Returns the last error on stderr, without its hint.
    pub fn last_error(&self) -> &str {
        let is_error = |line: &&str| line.starts_with("error: ");
        self.stderr.lines().rfind(is_error).unwrap_or_default()
    }
}

/// A program that may not have finished.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    said: String,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().expect("stdout is piped");
        Self {
            child,
            lines: BufReader::new(stdout),
            said: String::new(),
        }
    }

    /// Returns the line with these words.
    #[track_caller]
    pub fn wait_until_it_says(&mut self, text: &str) -> &str {
        let mut line = 0;
        while !self.said[line..].contains(text) {
            line = self.said.len();
            let length = self.lines.read_line(&mut self.said).expect("a line");
            assert_ne!(length, 0, "it did not say {text}, but {}", self.said);
        }
        &self.said[line..]
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
    }

    pub fn finished(mut self) -> Finished {
        self.lines.read_to_string(&mut self.said).expect("a text");
        let mut stderr = String::new();
        if let Some(mut said) = self.child.stderr.take() {
            said.read_to_string(&mut stderr).expect("a text");
        }
        Finished {
            code: self.child.wait().expect("it ends").code(),
            stdout: mem::take(&mut self.said),
            stderr,
        }
    }
}

/// Kills the program, so that a test that fails leaves none behind.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds the programs that the tests run, because Cargo builds none for the tests of another
/// package. `migration` is built as a user builds it, by itself; the others are built with the
/// features of the tests.
pub fn build() -> bool {
    const WITH_THE_TESTS: [&str; 5] = [
        "--workspace",
        "--bin",
        "sea-orm-cli",
        "--example",
        "service",
    ];
    cargo_build(&WITH_THE_TESTS) && cargo_build(&["--package", "migration"])
}

fn cargo_build(arguments: &[&str]) -> bool {
    let status = cargo().args(["build", "--quiet"]).args(arguments).status();
    status.is_ok_and(|status| status.success())
}

/// Returns Cargo as a shell starts it. With the variables of the Cargo that runs the tests, it
/// would build again.
pub fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace());
    without_cargos_variables(&mut cargo);
    cargo
}

/// Copies the workspace without its tests, to be changed and built.
pub fn copy_the_workspace(to: &Path) {
    for part in [
        "Cargo.toml",
        "Cargo.lock",
        "entity",
        "migration",
        "README.md",
    ] {
        let from = workspace().join(part);
        run(Command::new("cp").arg("-a").arg(from).arg(to)).expect_success();
    }
}

/// Removes Cargo's variables from a command that starts Cargo.
pub fn without_cargos_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let is_cargos = name.to_str().is_some_and(|name| {
            name == "CARGO_TARGET_DIR"
                || name.starts_with("CARGO_MANIFEST_")
                || name.starts_with("CARGO_PKG_")
        });
        if is_cargos {
            command.env_remove(name);
        }
    }
}

/// Returns the binary of `migration`, for a database in which no application creates a `documents`.
pub fn migration() -> Command {
    let mut command = migration_beside_an_application();
    command.arg("--create-documents");
    command
}

/// Returns the binary of `migration`, in the workspace's folder and with no database named.
pub fn migration_beside_an_application() -> Command {
    let mut command = Command::new(workspace().join("target/debug/migration"));
    command
        .current_dir(workspace())
        .env_remove("DATABASE_URL")
        .env_remove("DATABASE_SCHEMA")
        .env_remove("MIGRATION_TABLE")
        .env_remove("MIGRATION_CREATE_DOCUMENTS_IN")
        .env("RUST_BACKTRACE", "1");
    command
}

/// Returns a runner with the same settings, as a service calls it.
pub fn runner() -> Runner {
    Runner::new().create_documents(CreateDocuments::Anywhere)
}

/// Runs `migration` on this database.
pub fn migrate<A: AsRef<OsStr>>(
    database: &Database,
    arguments: impl IntoIterator<Item = A>,
) -> Finished {
    run(migration()
        .env("DATABASE_URL", &database.url)
        .args(arguments))
}

/// Runs `migration` on a database in which only the application creates a `documents`.
pub fn migrate_beside_an_application<A: AsRef<OsStr>>(
    database: &Database,
    arguments: impl IntoIterator<Item = A>,
) -> Finished {
    run(migration_beside_an_application()
        .env("DATABASE_URL", &database.url)
        .args(arguments))
}

/// Returns whether `status` reports the migration with these words in its name as applied.
pub fn is_applied(database: &Database, migration: &str) -> bool {
    let status = migrate(database, ["status"]).expect_success();
    let mut lines = status.lines();
    let line = lines.find(|line| line.contains(migration));
    let line = line.unwrap_or_else(|| panic!("{migration} is not in {status}"));
    line.contains(" applied ")
}

/// Runs a script with the database's own command line.
pub fn client(database: &Database, script: &str) -> Finished {
    let url = Url::parse(&database.url).expect("a URL");
    let mut command = match database.backend() {
        DbBackend::Postgres => {
            let mut psql = Command::new("psql");
            psql.args(["-qX", "-v", "ON_ERROR_STOP=1", &database.url]);
            psql
        }
        DbBackend::MySql => {
            let mut mariadb = Command::new("mariadb");
            mariadb
                .args(["--no-defaults", "--protocol=tcp"])
                .args(["-h", url.host_str().expect("a host"), "-u", url.username()])
                .arg(format!("-p{}", url.password().expect("a password")))
                .arg(format!("-P{}", url.port().expect("a port")))
                .arg(&database.name);
            mariadb
        }
        _ => {
            let mut sqlite = Command::new("sqlite3");
            sqlite.arg(url.path());
            sqlite
        }
    };
    with_input(&mut command, script)
}

/// Returns the name of the database in `status`.
pub fn named_in_status(database: &Database) -> String {
    match database.backend() {
        DbBackend::Sqlite => database.file(),
        DbBackend::Postgres | DbBackend::MySql => database.name.clone(),
        other => panic!("no test runs on {other:?}"),
    }
}

/// Runs `sea-orm-cli`, whose crate is a dependency of the tests, where no application creates a
/// `documents`.
pub fn sea_orm_cli(database: &Database, arguments: &[&str]) -> Finished {
    let program = workspace().join("target/debug/sea-orm-cli");
    let mut command = Command::new(program);
    without_cargos_variables(&mut command);
    command
        .current_dir(workspace())
        .env("DATABASE_URL", &database.url)
        .env("MIGRATION_CREATE_DOCUMENTS_IN", named_in_status(database))
        .env_remove("DATABASE_SCHEMA")
        .env_remove("MIGRATION_TABLE")
        .args(arguments);
    run(&mut command)
}

/// Runs a script of `tests/python` with the packages that `tests/run` installs.
pub fn python(script: &str, arguments: &[&str], input: &str) -> Finished {
    let mut command = Command::new(workspace().join("target/venv/bin/python"));
    command.arg(scripts().join(script)).args(arguments);
    with_input(&mut command, input)
}

fn with_input(command: &mut Command, input: &str) -> Finished {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs it"));
    // A program that stops at an error has not read all of its input.
    let _ = child
        .stdin
        .take()
        .expect("stdin is piped")
        .write_all(input.as_bytes());
    finished(child.wait_with_output().expect("the script ends"))
}

fn scripts() -> PathBuf {
    workspace().join("tests/python")
}

pub fn run(command: &mut Command) -> Finished {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run builds and installs it"));
    finished(output)
}

/// Runs the commands at the same time.
pub fn all_at_once(commands: impl IntoIterator<Item = Command>) -> Vec<Finished> {
    let children: Vec<Child> = commands
        .into_iter()
        .map(|mut command| start(&mut command))
        .collect();
    children.into_iter().map(end_of).collect()
}

/// Starts a command and lets it run.
pub fn start(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

pub fn end_of(child: Child) -> Finished {
    finished(child.wait_with_output().expect("it ends"))
}

pub fn finished(output: Output) -> Finished {
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
