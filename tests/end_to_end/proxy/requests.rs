//! Where a request of the client ends, and what it contains: all that the tests know of the
//! protocols.

use std::io;

use sea_orm::DbBackend;
use tokio::{io::AsyncReadExt, net::tcp::OwnedReadHalf};

/// MySQL's commands.
const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const LONG_DATA: u8 = 0x18;
const CLOSE: u8 = 0x19;

/// Messages that are sent together and answered together.
pub struct Request {
    pub bytes: Vec<u8>,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Before the session begins: a greeting, a password.
    Handshake,
    /// A statement, or a part of its processing.
    Command,
    /// A request that the server does not answer.
    Unanswered,
}

impl Request {
    pub async fn read(
        client: &mut OwnedReadHalf,
        backend: DbBackend,
        is_first: bool,
    ) -> io::Result<Self> {
        match backend {
            DbBackend::MySql => mysql(client).await,
            _ => postgres(client, is_first).await,
        }
    }

    /// Returns the SQL in the request. A prepared statement's is in the request that prepares it,
    /// not in the one that executes it.
    pub fn sql(&self, backend: DbBackend) -> Option<String> {
        if self.kind != Kind::Command {
            return None;
        }
        let text = match backend {
            DbBackend::MySql => match *self.bytes.get(4)? {
                QUERY | PREPARE => self.bytes.get(5..)?,
                _ => return None,
            },
            _ => match *self.bytes.first()? {
                b'Q' => before_nul(self.bytes.get(5..)?),
                // The SQL follows the statement's name.
                b'P' => {
                    let body = self.bytes.get(5..)?;
                    let name = before_nul(body).len();
                    before_nul(body.get(name + 1..)?)
                }
                _ => return None,
            },
        };
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// Returns whether another request has to follow before the statement of this one is executed.
    pub fn only_prepares(&self, backend: DbBackend) -> bool {
        let at = match backend {
            DbBackend::MySql => 4,
            _ => 0,
        };
        matches!(
            (backend, self.bytes.get(at)),
            (DbBackend::MySql, Some(&PREPARE)) | (DbBackend::Postgres, Some(b'P'))
        )
    }
}

/// Reads one packet: three bytes of length, and one of a sequence that each command begins anew.
async fn mysql(client: &mut OwnedReadHalf) -> io::Result<Request> {
    let mut bytes = vec![0; 4];
    client.read_exact(&mut bytes).await?;
    let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    let is_command = bytes[3] == 0;
    bytes.resize(4 + length as usize, 0);
    client.read_exact(&mut bytes[4..]).await?;
    let kind = match bytes.get(4) {
        _ if !is_command => Kind::Handshake,
        Some(&(QUIT | LONG_DATA | CLOSE)) => Kind::Unanswered,
        _ => Kind::Command,
    };
    Ok(Request { bytes, kind })
}

/// Reads messages up to the one that is answered.
async fn postgres(client: &mut OwnedReadHalf, is_first: bool) -> io::Result<Request> {
    let mut bytes = Vec::new();
    loop {
        let message = postgres_message(client, !is_first).await?;
        let letter = message[0];
        bytes.extend(message);
        let kind = match letter {
            _ if is_first => Kind::Handshake,
            b'p' => Kind::Handshake,
            b'X' => Kind::Unanswered,
            // They are answered, and committed, with the Sync that follows.
            b'P' | b'B' | b'D' | b'E' | b'C' => continue,
            _ => Kind::Command,
        };
        return Ok(Request { bytes, kind });
    }
}

/// Reads one message. The length includes itself, but not the letter before it.
async fn postgres_message(client: &mut OwnedReadHalf, has_letter: bool) -> io::Result<Vec<u8>> {
    let head = if has_letter { 5 } else { 4 };
    let mut message = vec![0; head];
    client.read_exact(&mut message).await?;
    let length = &message[head - 4..];
    let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
    message.resize(head - 4 + length as usize, 0);
    client.read_exact(&mut message[head..]).await?;
    Ok(message)
}

fn before_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}
