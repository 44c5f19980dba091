//! Three nodes of Debian's MariaDB as one Galera cluster.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sea_orm::{ConnectOptions, ConnectionTrait};
use tempfile::TempDir;
use url::Url;

use super::{
    Failure, Server, mariadb,
    process::{self, Account, Process},
};

pub const NAME: &str = "galera";

const NODES: usize = 3;
const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// Other programs that hand its data to a new node.
const HELPERS: [&str; 3] = ["/usr/bin/rsync", "/usr/bin/lsof", "/usr/bin/socat"];

pub fn needs() -> Vec<PathBuf> {
    let needed = [mariadb::PROGRAM, PROVIDER].into_iter().chain(HELPERS);
    needed.map(PathBuf::from).collect()
}

pub fn start() -> Result<Server, Failure> {
    let account = Account::of_package("mysql")?;
    let folder = account.folder("colpali-galera-")?;
    let nodes = Ports::of_all()?;
    let members: Vec<String> = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.group))
        .collect();
    let members = members.join(",");

    let mut server = Server {
        admin: mariadb::url(nodes[0].sql)?,
        doors: Vec::new(),
        processes: Vec::new(),
        folders: Vec::new(),
    };
    for (number, ports) in nodes.iter().enumerate() {
        let home = home(&folder, number);
        fs::create_dir(&home)?;
        account.own(&home)?;
        let data = home.join("data");
        let mut node = account.command(Path::new(mariadb::PROGRAM), "KILL");
        node.arg("--no-defaults")
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", home.join("socket").display()))
            .arg(format!("--pid-file={}", home.join("pid").display()))
            .arg(format!("--tmpdir={}", home.display()))
            .arg(format!("--port={}", ports.sql))
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve"])
            .args(["--binlog-format=ROW", "--innodb-autoinc-lock-mode=2"])
            .args(["--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M"])
            .args(["--max-connections=200", "--wsrep-on=ON"])
            // The legacy tables' rows are numbered 1, 2, 3.
            .arg("--wsrep-auto-increment-control=OFF")
            .arg(format!("--wsrep-provider={PROVIDER}"))
            .arg(format!("--wsrep-cluster-address=gcomm://{members}"))
            .arg(format!("--wsrep-node-name=node{number}"))
            .args(["--wsrep-node-address=127.0.0.1", "--wsrep-sst-method=rsync"])
            .arg(format!("--wsrep-sst-receive-address=127.0.0.1:{}", ports.whole))
            .arg(format!(
                "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{};ist.recv_addr=127.0.0.1:{};gcache.size=32M",
                ports.group, ports.rest
            ));
        if number == 0 {
            mariadb::initialise(account, &data)?;
            let users = mariadb::users(&home)?;
            node.arg(format!("--init-file={}", users.display()));
            node.arg("--wsrep-new-cluster");
        } else {
            fs::create_dir(&data)?;
            account.own(&data)?;
        }
        server.processes.push(Process::spawn(node, "KILL", &home)?);
        server.doors.push(mariadb::url(ports.sql)?);
        // The others get their data from the first.
        if number == 0 {
            server = server.ready()?;
        }
    }
    server.folders.push(folder);
    server.ready()
}

fn home(folder: &TempDir, node: usize) -> PathBuf {
    folder.path().join(format!("node{node}"))
}

/// Removes a stopped node's data, so that it starts as a new one and gets everything.
///
/// With its old data it would get the same, but it would keep its own log of unfinished DDL: a
/// table that it was creating when it was killed would be removed from its copy again.
fn empty(cluster: &Server, node: usize) -> Result<(), Failure> {
    let folder = cluster.folders.first().ok_or("a cluster has a folder")?;
    let data = home(folder, node).join("data");
    fs::remove_dir_all(&data)?;
    fs::create_dir(&data)?;
    Account::of_package("mysql")?.own(&data)
}

/// Starts a stopped node as an operator would: with empty folders, and again if another program has
/// just taken the port on which a node receives its copy.
pub fn bring_back(cluster: &mut Server, node: usize) -> Result<(), Failure> {
    let mut outcome = Ok(());
    for _ in 0..3 {
        empty(cluster, node)?;
        cluster.processes[node].start_again()?;
        outcome = cluster.wait();
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Waits until each node has applied what has been committed on any.
pub async fn settle(doors: &[String]) {
    for door in doors {
        let mut server = Url::parse(door).expect("a URL");
        server.set_path("mysql");
        let mut options = ConnectOptions::new(server);
        options.max_connections(1);
        let node = sea_orm::Database::connect(options).await.expect("a node");
        for sql in ["SET SESSION wsrep_sync_wait = 15", "SELECT 1"] {
            node.execute_unprepared(sql).await.expect(sql);
        }
        node.close().await.expect("it closes");
    }
}

/// The ports of a node.
struct Ports {
    sql: u16,
    group: u16,
    /// For the whole data, when it is new.
    whole: u16,
    /// For what it has missed.
    rest: u16,
}

impl Ports {
    fn of_all() -> Result<[Self; NODES], Failure> {
        let ports: [u16; NODES * 4] = process::free_ports()?;
        Ok(std::array::from_fn(|node| Self {
            sql: ports[node * 4],
            group: ports[node * 4 + 1],
            whole: ports[node * 4 + 2],
            rest: ports[node * 4 + 3],
        }))
    }
}
