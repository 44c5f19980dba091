//! Debian's PgBouncer in transaction mode with few connections, in front of its own PostgreSQL. It
//! does not support prepared statements.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Failure, Server, postgres,
    process::{self, Account, Process},
};

pub const NAME: &str = "pgbouncer";

/// Fewer connections than migrators that start at once.
const CONNECTIONS: usize = 5;

const PROGRAM: &str = "/usr/sbin/pgbouncer";

pub fn needs() -> Vec<PathBuf> {
    [postgres::needs_15(), vec![PathBuf::from(PROGRAM)]].concat()
}

pub fn start() -> Result<Server, Failure> {
    let mut server = postgres::start_15()?;
    let account = Account::of_package("postgres")?;
    let folder = account.folder("colpali-pgbouncer-")?;
    let port = process::free_port()?;
    let mut door = server.admin.clone();
    door.set_port(Some(port))
        .map_err(|()| "a URL without a port")?;

    let users = folder.path().join("users");
    let password = door.password().unwrap_or_default();
    fs::write(&users, format!("\"{}\" \"{password}\"\n", door.username()))?;
    let settings = folder.path().join("pgbouncer.ini");
    fs::write(
        &settings,
        format!(
            "[databases]\n\
             * = host=127.0.0.1 port={}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = scram-sha-256\n\
             auth_file = {}\n\
             pool_mode = transaction\n\
             default_pool_size = {CONNECTIONS}\n\
             max_client_conn = 400\n\
             ignore_startup_parameters = extra_float_digits\n",
            server.admin.port().unwrap_or_default(),
            users.display(),
        ),
    )?;
    let mut pooler = account.command(Path::new(PROGRAM), "KILL");
    pooler.arg(settings);
    server
        .processes
        .insert(0, Process::spawn(pooler, "INT", folder.path())?);
    server.folders.push(folder);
    server.doors.push(door);
    server.ready()
}
