//! A proxy between a client and its server that counts the client's requests, and lets one of them
//! fail.

mod errors;
mod requests;

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    sync::Arc,
};

use sea_orm::DbBackend;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, watch},
    task::JoinSet,
};
use url::Url;

use crate::{
    engines::Database,
    programs::{self, Finished},
};
use errors::Instead;
pub use errors::{MYSQL, POSTGRES, ServerError};
use requests::Request;

/// Where everything is cut: after this many requests of all connections together.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub passed: usize,
    pub lost: Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The next request does not reach the server.
    Request,
    /// The last request reaches the server; its answer does not reach the client.
    Answer,
}

/// An error that the server answers after this many requests.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub passed: usize,
    pub error: ServerError,
    pub times: Times,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Once,
    /// Every later request fails too.
    FromThereOn,
}

/// How the client ended.
pub struct Ended<T> {
    /// False if it ended before the fault.
    pub at_the_fault: bool,
    /// `None` if it was killed.
    pub finished: Option<T>,
}

/// Kills the program at the cut.
pub async fn kill(program: Command, database: &Database, cut: Cut) -> Ended<Finished> {
    let client = |url| run(program, url);
    behind(database, Fault::Cut(cut), Victim::Client, client)
        .await
        .0
}

/// Ends the program's connections at the cut; later connections are let through.
pub async fn disconnect(program: Command, database: &Database, cut: Cut) -> Ended<Finished> {
    cut_off(database, cut, |url| run(program, url)).await
}

/// Ends the connections to this URL at the cut; later connections are let through.
pub async fn cut_off<F: Future>(
    database: &Database,
    cut: Cut,
    client: impl FnOnce(Url) -> F,
) -> Ended<F::Output> {
    behind(database, Fault::Cut(cut), Victim::Connections, client)
        .await
        .0
}

/// Lets the server answer the program with an error.
pub async fn answer(program: Command, database: &Database, answered: Answered) -> Ended<Finished> {
    let client = |url| run(program, url);
    behind(database, Fault::Answer(answered), Victim::Nobody, client)
        .await
        .0
}

/// Returns the requests that the program makes without a fault.
pub async fn requests(program: Command, database: &Database) -> Vec<Sent> {
    let client = |url| run(program, url);
    let (ended, sent) = behind(database, Fault::None, Victim::Nobody, client).await;
    if let Some(finished) = ended.finished {
        finished.expect_success();
    }
    sent
}

/// A request that was made.
#[derive(Clone, Debug)]
pub struct Sent {
    /// `None` for a request without text, such as the execution of a prepared statement.
    pub sql: Option<String>,
    pub only_prepares: bool,
}

impl Sent {
    pub fn commits(&self) -> bool {
        let sql = self.sql.as_deref().unwrap_or_default();
        sql.trim_start().starts_with("COMMIT")
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Cut(Cut),
    Answer(Answered),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Nobody,
    Client,
    Connections,
}

async fn run(program: Command, url: Url) -> Finished {
    let mut program = tokio::process::Command::from(program);
    program
        .env("DATABASE_URL", url.as_str())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    programs::finished(program.output().await.expect("it runs"))
}

/// Runs the work behind the proxy, and waits until the server has ended the sessions too.
async fn behind<F: Future>(
    database: &Database,
    fault: Fault,
    victim: Victim,
    client: impl FnOnce(Url) -> F,
) -> (Ended<F::Output>, Vec<Sent>) {
    let server = Url::parse(&database.url).expect("a URL");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port");
    let line = Arc::new(Line {
        backend: database.backend(),
        server: address(&server),
        fault,
        victim,
        sent: Mutex::new(Vec::new()),
        reached: watch::Sender::new(false),
    });
    let mut relays = JoinSet::new();
    let finished = tokio::select! {
        biased;
        () = line.is_reached(), if victim == Victim::Client => None,
        finished = client(through(server, &listener)) => Some(finished),
        () = accept(&listener, &line, &mut relays) => None,
    };
    drop(listener);
    while relays.join_next().await.is_some() {}
    let ended = Ended {
        at_the_fault: *line.reached.borrow(),
        finished,
    };
    let sent = line.sent.lock().await.clone();
    (ended, sent)
}

fn address(url: &Url) -> SocketAddr {
    let addresses = url.socket_addrs(|| None).expect("an address");
    addresses[0]
}

/// Returns the URL of the same database through the proxy, which cannot read TLS.
fn through(mut server: Url, proxy: &TcpListener) -> Url {
    let port = proxy.local_addr().expect("a port").port();
    server.set_host(Some("127.0.0.1")).expect("a server's URL");
    server.set_port(Some(port)).expect("a server's URL");
    let mode = match server.scheme() {
        "mysql" => "disabled",
        _ => "disable",
    };
    server.query_pairs_mut().append_pair("ssl-mode", mode);
    server
}

async fn accept(listener: &TcpListener, line: &Arc<Line>, relays: &mut JoinSet<()>) {
    loop {
        let (client, _) = listener.accept().await.expect("a client");
        relays.spawn(Arc::clone(line).relay(client));
    }
}

/// The state that all connections share.
struct Line {
    backend: DbBackend,
    server: SocketAddr,
    fault: Fault,
    victim: Victim,
    sent: Mutex<Vec<Sent>>,
    reached: watch::Sender<bool>,
}

/// The fate of a request.
enum Fate {
    Pass,
    /// Something other than the server answers it, and the session ends.
    Answer(Vec<u8>),
    Ask(Vec<u8>),
    Lose,
}

impl Line {
    async fn is_reached(&self) {
        let mut reached = self.reached.subscribe();
        // The sender belongs to this proxy.
        let _ = reached.wait_for(|reached| *reached).await;
    }

    /// Relays a connection until client and server have both ended it.
    async fn relay(self: Arc<Self>, mut client: TcpStream) {
        let mut server = TcpStream::connect(self.server).await.expect("the server");
        for end in [&client, &server] {
            end.set_nodelay(true).expect("an option of TCP");
        }
        if self.victim == Victim::Connections && *self.reached.borrow() {
            let _ = copy_bidirectional(&mut client, &mut server).await;
            return;
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let to_client = Mutex::new(to_client);
        tokio::join!(
            self.requests(from_client, to_server, &to_client),
            self.answers(from_server, &to_client)
        );
    }

    /// Relays requests. Dropping the half that is written to tells the server that the client has
    /// gone.
    async fn requests(
        &self,
        mut client: OwnedReadHalf,
        mut server: OwnedWriteHalf,
        to_client: &Mutex<OwnedWriteHalf>,
    ) {
        let mut is_first = true;
        loop {
            let request = tokio::select! {
                request = Request::read(&mut client, self.backend, is_first) => request,
                () = self.is_reached(), if self.victim == Victim::Connections => return,
            };
            let Ok(request) = request else { return };
            // If either side has gone, the other half notices.
            match self.fate(&request).await {
                Fate::Pass => {
                    let _ = server.write_all(&request.bytes).await;
                }
                Fate::Ask(instead) => {
                    let _ = server.write_all(&instead).await;
                }
                Fate::Answer(answer) => {
                    let _ = to_client.lock().await.write_all(&answer).await;
                    return;
                }
                Fate::Lose => {}
            }
            is_first = false;
        }
    }

    async fn fate(&self, request: &Request) -> Fate {
        let mut sent = self.sent.lock().await;
        let number = sent.len();
        if let Fault::Cut(cut) = self.fault
            && number == cut.passed
        {
            self.reached.send_replace(true);
            return Fate::Lose;
        }
        sent.push(Sent {
            sql: request.sql(self.backend),
            only_prepares: request.only_prepares(self.backend),
        });
        match self.fault {
            Fault::Cut(cut) if cut.lost == Lost::Answer && number + 1 == cut.passed => {
                self.reached.send_replace(true);
                Fate::Pass
            }
            Fault::Answer(answered) if answered.is_due(number) => {
                match answered.error.instead_of(request, self.backend) {
                    None => Fate::Pass,
                    Some(instead) => {
                        self.reached.send_replace(true);
                        match instead {
                            Instead::Ask(bytes) => Fate::Ask(bytes),
                            Instead::Answer(bytes) => Fate::Answer(bytes),
                        }
                    }
                }
            }
            Fault::None | Fault::Cut(_) | Fault::Answer(_) => Fate::Pass,
        }
    }

    async fn answers(&self, mut server: OwnedReadHalf, client: &Mutex<OwnedWriteHalf>) {
        let mut bytes = [0; 8192];
        while let Ok(length @ 1..) = server.read(&mut bytes).await {
            let is_lost = matches!(self.fault, Fault::Cut(_)) && *self.reached.borrow();
            if !is_lost {
                let _ = client.lock().await.write_all(&bytes[..length]).await;
            }
        }
        let _ = client.lock().await.shutdown().await;
    }
}

impl Answered {
    fn is_due(&self, number: usize) -> bool {
        match self.times {
            Times::Once => number == self.passed,
            Times::FromThereOn => number >= self.passed,
        }
    }
}
