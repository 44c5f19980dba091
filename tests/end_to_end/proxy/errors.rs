//! Errors that a server answers instead of doing what it is asked.
//!
//! If possible, the server itself answers: it is sent a statement that fails with the error. Then
//! the server and its client agree about the state of the transaction.

use sea_orm::DbBackend;

use super::requests::{Kind, Request};

#[derive(Clone, Copy, Debug)]
pub struct ServerError {
    /// The SQLSTATE, or MySQL's number.
    pub code: &'static str,
    message: &'static str,
    after: After,
}

/// What is left of the client's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// PostgreSQL: the transaction has failed; MySQL: the statement.
    Statement,
    /// MySQL: nothing of the transaction is left.
    Transaction,
    /// The server ends the session.
    Session,
}

pub const POSTGRES: [ServerError; 5] = [
    ServerError {
        code: "40001",
        message: "could not serialize access due to concurrent update",
        after: After::Statement,
    },
    ServerError {
        code: "40P01",
        message: "deadlock detected",
        after: After::Statement,
    },
    ServerError {
        code: "55P03",
        message: "canceling statement due to lock timeout",
        after: After::Statement,
    },
    ServerError {
        code: "57P01",
        message: "terminating connection due to administrator command",
        after: After::Session,
    },
    ServerError {
        code: "53300",
        message: "sorry, too many clients already",
        after: After::Statement,
    },
];

pub const MYSQL: [ServerError; 4] = [
    ServerError {
        code: "1205",
        message: "Lock wait timeout exceeded; try restarting transaction",
        after: After::Statement,
    },
    ServerError {
        code: "1213",
        message: "Deadlock found when trying to get lock; try restarting transaction",
        after: After::Transaction,
    },
    ServerError {
        code: "1040",
        message: "Too many connections",
        after: After::Statement,
    },
    ServerError {
        code: "1927",
        message: "Connection was killed",
        after: After::Session,
    },
];

/// How a request gets an error as its answer.
pub enum Instead {
    /// The server is sent this.
    Ask(Vec<u8>),
    /// The client is sent this, and the session ends.
    Answer(Vec<u8>),
}

impl ServerError {
    /// Returns what happens instead of a request; `None` if the request has no answer.
    pub fn instead_of(&self, request: &Request, backend: DbBackend) -> Option<Instead> {
        let is_mysql = backend == DbBackend::MySql;
        match (request.kind, self.after) {
            (Kind::Unanswered, _) => None,
            (Kind::Command, After::Statement | After::Transaction) => {
                Some(Instead::Ask(self.failing(is_mysql)))
            }
            (Kind::Command, After::Session) if !is_mysql => {
                let end = "SELECT pg_terminate_backend(pg_backend_pid())";
                Some(Instead::Ask(postgres_query(end)))
            }
            (Kind::Command, After::Session) => Some(Instead::Answer(self.mysql_error(1))),
            (Kind::Handshake, _) if is_mysql => {
                let sequence = request.bytes.get(3).map_or(0, |number| number + 1);
                Some(Instead::Answer(self.mysql_error(sequence)))
            }
            (Kind::Handshake, _) => Some(Instead::Answer(self.postgres_error())),
        }
    }

    /// Returns a statement that fails with the error.
    fn failing(&self, is_mysql: bool) -> Vec<u8> {
        let Self { code, message, .. } = self;
        if !is_mysql {
            return postgres_query(&format!(
                "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = '{message}'; END $$"
            ));
        }
        let first = match self.after {
            After::Transaction => "ROLLBACK; ",
            After::Statement | After::Session => "",
        };
        mysql_query(&format!(
            "BEGIN NOT ATOMIC {first}SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = '{message}'; END"
        ))
    }

    fn mysql_error(&self, sequence: u8) -> Vec<u8> {
        let number: u16 = self.code.parse().expect("MySQL's codes are numbers");
        let mut body = vec![0xff];
        body.extend(number.to_le_bytes());
        body.extend(b"#HY000");
        body.extend(self.message.as_bytes());
        mysql_packet(sequence, &body)
    }

    fn postgres_error(&self) -> Vec<u8> {
        let Self { code, message, .. } = self;
        let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
        postgres_message(b'E', fields.as_bytes())
    }
}

fn postgres_query(sql: &str) -> Vec<u8> {
    postgres_message(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

fn postgres_message(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[letter], length.to_be_bytes().as_slice(), body].concat()
}

fn mysql_query(sql: &str) -> Vec<u8> {
    mysql_packet(0, &[b"\x03", sql.as_bytes()].concat())
}

fn mysql_packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a short packet");
    [&length.to_le_bytes()[..3], &[sequence], body].concat()
}
