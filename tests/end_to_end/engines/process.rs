//! A server process that ends with the tests, however they end.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    io::ErrorKind,
    iter,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    ops::RangeInclusive,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use tempfile::TempDir;

use super::Failure;

/// The account of a server. Servers refuse to run as root, so root runs them as the user that their
/// package created.
#[derive(Clone, Copy)]
pub struct Account {
    user: Option<&'static str>,
}

impl Account {
    pub fn of_package(user: &'static str) -> Result<Self, Failure> {
        let user = (id(&["-u"])? == 0).then_some(user);
        Ok(Self { user })
    }

    /// Creates a folder that belongs to the account.
    pub fn folder(self, prefix: &str) -> Result<TempDir, Failure> {
        let folder = tempfile::Builder::new()
            .prefix(prefix)
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()?;
        self.own(folder.path())?;
        Ok(folder)
    }

    pub fn own(self, path: &Path) -> Result<(), Failure> {
        if let Some(user) = self.user {
            chown(path, Some(id(&["-u", user])?), Some(id(&["-g", user])?))?;
        }
        Ok(())
    }

    /// Returns whether the account may be unable to read this checkout.
    pub fn is_another(self) -> bool {
        self.user.is_some()
    }

    /// Returns a server's command under the account, which gets `signal` when the calling thread ends.
    pub fn command(self, program: &Path, signal: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.arg(format!("--pdeathsig={signal}"));
        if let Some(user) = self.user {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.arg("--").arg(program).env("GLIBC_TUNABLES", HEAP);
        command
    }
}

fn id(arguments: &[&str]) -> Result<u32, Failure> {
    let output = Command::new("id").args(arguments).output()?;
    let number = String::from_utf8(output.stdout)?;
    number
        .trim()
        .parse()
        .map_err(|_| format!("id {} printed {number:?}", arguments.join(" ")).into())
}

/// The heap of a server grows by large steps of large pages and is kept. A test's session lives for
/// a few statements, and spends much of its time on getting pages from the kernel by default.
const HEAP: &str = "glibc.malloc.hugetlb=1:glibc.malloc.top_pad=8388608:\
                    glibc.malloc.trim_threshold=1000000000:glibc.malloc.mmap_threshold=33554432";

/// A running server.
pub struct Process {
    command: Command,
    child: Child,
    signal: &'static str,
    log: PathBuf,
}

impl Process {
    pub fn spawn(
        mut command: Command,
        signal: &'static str,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let log = folder.join("server.log");
        let output = fs::File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self {
            command,
            child,
            signal,
            log,
        })
    }

    /// Kills all processes at once, so that none can react to the end of another.
    pub fn kill(&mut self) -> Result<(), Failure> {
        let pid = self.child.id().to_string();
        // A process that is stopped starts no others.
        signal("STOP", [&pid])?;
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let children: Vec<&str> = children.split_whitespace().collect();
        signal("KILL", children.iter().copied().chain([pid.as_str()]))?;
        self.child.wait()?;
        for child in children {
            let command = format!("/proc/{child}/cmdline");
            while fs::read(&command).is_ok_and(|words| !words.is_empty()) {
                thread::yield_now();
            }
        }
        Ok(())
    }

    /// Runs the same command again, after [`kill`](Self::kill).
    pub fn start_again(&mut self) -> Result<(), Failure> {
        self.child = self.command.spawn()?;
        Ok(())
    }

    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    pub fn report(&mut self) -> String {
        let state = match self.child.try_wait() {
            Ok(Some(status)) => format!("the server ended with {status}"),
            _ => "the server runs".to_owned(),
        };
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        format!("{state} and wrote:\n{log}")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its number may belong to another process by now.
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        let pid = self.child.id().to_string();
        if signal(self.signal, [&pid]).is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Sends a signal; the standard library can send only SIGKILL.
pub fn signal<S: AsRef<OsStr>>(
    signal: &str,
    pids: impl IntoIterator<Item = S>,
) -> Result<(), Failure> {
    let mut kill = Command::new("kill");
    kill.args(["-s", signal]).args(pids);
    run(kill)
}

/// Runs a program to its end.
pub fn run(mut command: Command) -> Result<(), Failure> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}

pub fn free_port() -> Result<u16, Failure> {
    let [port] = free_ports()?;
    Ok(port)
}

/// Ports below are those of well-known services.
const FIRST_PORT: u16 = 10_000;
const MOST_TRIES: usize = 1000;

/// Returns ports, each of them only once. A port that the kernel gives to clients is avoided if
/// possible: between this check and the server's start, and while the server is killed, another
/// program may take it.
pub fn free_ports<const N: usize>() -> Result<[u16; N], Failure> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let of_clients = ports_of_clients()?;
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ports = [0; N];
    for port in &mut ports {
        let any = || iter::repeat_with(|| fastrand::u16(FIRST_PORT..)).take(MOST_TRIES);
        *port = any()
            .filter(|port| !of_clients.contains(port))
            .chain(any())
            .find(|port| !given.contains(port) && is_free(*port))
            .ok_or_else(|| format!("no port from {FIRST_PORT} on is free"))?;
        given.insert(*port);
    }
    Ok(ports)
}

/// Returns whether the port is free on each address that a server may listen on.
fn is_free(port: u16) -> bool {
    let loopback = [
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ];
    loopback.into_iter().all(|address| {
        !TcpListener::bind(address).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
    })
}

fn ports_of_clients() -> Result<RangeInclusive<u16>, Failure> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")?;
    let mut ends = range.split_whitespace().map(str::parse);
    match (ends.next(), ends.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Ok(first..=last),
        _ => Err(format!("ip_local_port_range says {range:?}, not two ports").into()),
    }
}

/// Returns a text that is distinct in this process and from other processes on the same server.
pub fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
