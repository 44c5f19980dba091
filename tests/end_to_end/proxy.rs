//! Stands between a client and its server, counts the client's requests, and lets so many of them through.
//!
//! Of the protocols it knows where a request ends, no more.

use std::{
    io,
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

/// Where everything is cut: after so many requests, of all connections together.
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

/// What became of the client.
pub struct Ended<T> {
    /// False where it was done before.
    pub at_the_cut: bool,
    /// None where it was killed.
    pub finished: Option<T>,
}

/// Kills the program at the cut.
pub async fn kill(program: Command, database: &Database, cut: Cut) -> Ended<Finished> {
    let client = |url| run(program, url);
    behind(database, cut, Victim::Client, client).await
}

/// Ends the program's connections at the cut; those that it makes then are let through.
pub async fn disconnect(program: Command, database: &Database, cut: Cut) -> Ended<Finished> {
    cut_off(database, cut, |url| run(program, url)).await
}

/// Ends the connections to this URL at the cut; those that are made then are let through.
pub async fn cut_off<F: Future>(
    database: &Database,
    cut: Cut,
    client: impl FnOnce(Url) -> F,
) -> Ended<F::Output> {
    behind(database, cut, Victim::Connections, client).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
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

/// Waits until the server has ended the sessions, too.
async fn behind<F: Future>(
    database: &Database,
    cut: Cut,
    victim: Victim,
    client: impl FnOnce(Url) -> F,
) -> Ended<F::Output> {
    let server = Url::parse(&database.url).expect("a URL");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port");
    let line = Arc::new(Line {
        backend: database.backend(),
        server: address(&server),
        cut,
        victim,
        passed: Mutex::new(0),
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
    Ended {
        at_the_cut: *line.reached.borrow(),
        finished,
    }
}

fn address(url: &Url) -> SocketAddr {
    let addresses = url.socket_addrs(|| None).expect("an address");
    addresses[0]
}

/// The same database behind the proxy, which cannot look into TLS.
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

/// What all connections have in common.
struct Line {
    backend: DbBackend,
    server: SocketAddr,
    cut: Cut,
    victim: Victim,
    passed: Mutex<usize>,
    reached: watch::Sender<bool>,
}

impl Line {
    async fn is_reached(&self) {
        let mut reached = self.reached.subscribe();
        // The sender is ours.
        let _ = reached.wait_for(|reached| *reached).await;
    }

    /// Ends when client and server have both ended it.
    async fn relay(self: Arc<Self>, mut client: TcpStream) {
        let mut server = TcpStream::connect(self.server).await.expect("the server");
        for end in [&client, &server] {
            end.set_nodelay(true).expect("an option of TCP");
        }
        if *self.reached.borrow() {
            let _ = copy_bidirectional(&mut client, &mut server).await;
            return;
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::join!(
            self.requests(from_client, to_server),
            self.answers(from_server, to_client)
        );
    }

    /// Dropping the half that is written to tells the server that the client has gone.
    async fn requests(&self, mut client: OwnedReadHalf, mut server: OwnedWriteHalf) {
        let mut is_first = true;
        loop {
            let request = tokio::select! {
                request = self.request(&mut client, is_first) => request,
                () = self.is_reached(), if self.victim == Victim::Connections => return,
            };
            let Ok(request) = request else { return };
            self.pass(&request, &mut server).await;
            is_first = false;
        }
    }

    async fn pass(&self, request: &[u8], server: &mut OwnedWriteHalf) {
        let mut passed = self.passed.lock().await;
        if *passed == self.cut.passed {
            self.reached.send_replace(true);
            return;
        }
        *passed += 1;
        if *passed == self.cut.passed && self.cut.lost == Lost::Answer {
            self.reached.send_replace(true);
        }
        // Where the server has gone, the other half notices.
        let _ = server.write_all(request).await;
    }

    async fn answers(&self, mut server: OwnedReadHalf, mut client: OwnedWriteHalf) {
        let mut bytes = [0; 8192];
        while let Ok(length @ 1..) = server.read(&mut bytes).await {
            if !*self.reached.borrow() {
                let _ = client.write_all(&bytes[..length]).await;
            }
        }
    }

    async fn request(&self, client: &mut OwnedReadHalf, is_first: bool) -> io::Result<Vec<u8>> {
        let mut request = Vec::new();
        loop {
            let message = self.message(client, is_first).await?;
            let is_last = self.backend == DbBackend::MySql || is_first || ends_request(message[0]);
            request.extend(message);
            if is_last {
                return Ok(request);
            }
        }
    }

    async fn message(&self, client: &mut OwnedReadHalf, is_first: bool) -> io::Result<Vec<u8>> {
        let has_letter = self.backend == DbBackend::Postgres && !is_first;
        let mut message = vec![0; if has_letter { 5 } else { 4 }];
        client.read_exact(&mut message).await?;
        let head = message.len();
        let number = |at: usize| {
            [
                message[at],
                message[at + 1],
                message[at + 2],
                message[at + 3],
            ]
        };
        let whole = match self.backend {
            // Three bytes of length, and one of a sequence.
            DbBackend::MySql => 4 + (u32::from_le_bytes(number(0)) & 0xff_ff_ff),
            // A length that counts itself.
            _ if has_letter => 1 + u32::from_be_bytes(number(1)),
            _ => u32::from_be_bytes(number(0)),
        };
        message.resize(whole as usize, 0);
        client.read_exact(&mut message[head..]).await?;
        Ok(message)
    }
}

/// Parse, Bind, Describe, Execute and Close are answered, and committed, with the Sync after them.
fn ends_request(letter: u8) -> bool {
    !b"PBDEC".contains(&letter)
}
