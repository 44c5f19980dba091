//! Stands between a client and its server, counts the client's messages, and lets so many of them through.
//!
//! Of the protocols it knows where a message ends, no more.

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

/// Where everything is cut: after so many messages, of all connections together.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub passed: usize,
    pub lost: Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The next message does not reach the server.
    Request,
    /// The last message reaches the server; its answer does not reach the client.
    Answer,
}

/// Kills the client at the cut, and waits until the server has ended its sessions. None where it was
/// killed.
pub async fn kill(client: Command, database: &Database, cut: Cut) -> Option<Finished> {
    run(client, database, cut, Victim::Client).await
}

/// Only ends the client's connections at the cut; it may make others. False where there was no cut.
pub async fn disconnect(client: Command, database: &Database, cut: Cut) -> Option<Finished> {
    run(client, database, cut, Victim::Connections).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Client,
    Connections,
}

async fn run(client: Command, database: &Database, cut: Cut, victim: Victim) -> Option<Finished> {
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
    let mut client = tokio::process::Command::from(client);
    client
        .env("DATABASE_URL", through(server, &listener).as_str())
        .stdin(Stdio::null())
        .kill_on_drop(true);

    let mut relays = JoinSet::new();
    let finished = tokio::select! {
        biased;
        () = line.is_reached(), if victim == Victim::Client => None,
        output = client.output() => Some(programs::finished(output.expect("the client runs"))),
        () = accept(&listener, &line, &mut relays) => None,
    };
    drop(listener);
    while relays.join_next().await.is_some() {}
    finished
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
            let message = tokio::select! {
                message = self.message(&mut client, is_first) => message,
                () = self.is_reached(), if self.victim == Victim::Connections => return,
            };
            let Ok(message) = message else { return };
            self.pass(&message, &mut server).await;
            is_first = false;
        }
    }

    async fn pass(&self, message: &[u8], server: &mut OwnedWriteHalf) {
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
        let _ = server.write_all(message).await;
    }

    async fn answers(&self, mut server: OwnedReadHalf, mut client: OwnedWriteHalf) {
        let mut bytes = [0; 8192];
        while let Ok(length @ 1..) = server.read(&mut bytes).await {
            if !*self.reached.borrow() {
                let _ = client.write_all(&bytes[..length]).await;
            }
        }
    }

    async fn message(&self, client: &mut OwnedReadHalf, is_first: bool) -> io::Result<Vec<u8>> {
        let big_endian =
            |bytes: &[u8]| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let mut message = vec![
            0;
            if self.backend == DbBackend::Postgres && !is_first {
                5
            } else {
                4
            }
        ];
        client.read_exact(&mut message).await?;
        let whole = match (self.backend, is_first) {
            // Three bytes of length, and a number.
            (DbBackend::MySql, _) => {
                4 + u32::from_le_bytes([message[0], message[1], message[2], 0])
            }
            // A length that counts itself; after the first a letter before it.
            (_, true) => big_endian(&message),
            (_, false) => 1 + big_endian(&message[1..]),
        };
        let head = message.len();
        message.resize(whole as usize, 0);
        client.read_exact(&mut message[head..]).await?;
        Ok(message)
    }
}
