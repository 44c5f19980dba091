use std::{
    fs,
    path::{Path, PathBuf},
};

use url::Url;

use super::{
    Failure, Server,
    process::{self, Account, Process},
    template::{self, DATA},
};

const USER: &str = "tester";
const PASSWORD: &str = "only-for-tests";
pub const PROGRAM: &str = "/usr/sbin/mariadbd";

pub fn needs() -> Vec<PathBuf> {
    vec![PathBuf::from(PROGRAM)]
}

/// Starts Debian's package.
pub fn start() -> Result<Server, Failure> {
    start_with(&[])
}

/// Starts Debian's package with further options.
pub fn start_with(options: &[&str]) -> Result<Server, Failure> {
    let account = Account::of_package("mysql")?;
    let folder = account.folder("colpali-mariadb-")?;
    let data = folder.path().join("data");
    initialise(account, &data)?;

    let users = users(folder.path())?;
    let port = process::free_port()?;
    let mut server = account.command(Path::new(PROGRAM), "TERM");
    server
        .arg("--no-defaults")
        .arg(format!("--datadir={}", data.display()))
        .arg(format!(
            "--socket={}",
            folder.path().join("socket").display()
        ))
        .arg(format!(
            "--pid-file={}",
            folder.path().join("pid").display()
        ))
        .arg(format!("--tmpdir={}", folder.path().display()))
        .arg(format!("--init-file={}", users.display()))
        .arg(format!("--port={port}"))
        .args(["--bind-address=127.0.0.1", "--skip-name-resolve"])
        .args([
            "--innodb-flush-log-at-trx-commit=2",
            "--max-connections=200",
        ])
        // Settings that a server may have, and on which nothing must depend.
        .args([
            "--max-allowed-packet=1M",
            "--character-set-server=latin1",
            "--default-storage-engine=Aria",
        ])
        .args(options);
    Server {
        admin: url(port)?,
        doors: Vec::new(),
        processes: vec![Process::spawn(server, "TERM", folder.path())?],
        folders: vec![folder],
    }
    .ready()
}

pub fn url(port: u16) -> Result<Url, Failure> {
    let url = format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/mysql");
    Ok(Url::parse(&url)?)
}

/// Writes a file of statements that create the tests' user.
pub fn users(folder: &Path) -> Result<PathBuf, Failure> {
    let file = folder.join("users.sql");
    fs::write(
        &file,
        format!(
            "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';
             GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;"
        ),
    )?;
    Ok(file)
}

/// Creates the data of a server.
pub fn initialise(account: Account, data: &Path) -> Result<(), Failure> {
    template::copy("mariadb", account, data, |folder| install(account, folder))
}

/// A server that starts removes the temporary tables of all others that share its folder for them.
fn install(account: Account, folder: &Path) -> Result<(), Failure> {
    let mut install = account.command(Path::new("mariadb-install-db"), "KILL");
    install
        .args([
            "--no-defaults",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ])
        .arg(format!("--datadir={}", folder.join(DATA).display()))
        .arg(format!("--tmpdir={}", folder.display()));
    process::run(install)
}
