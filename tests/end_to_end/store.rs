//! A vector store that receives what it is to delete, and answers as the test tells it to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::Value;

/// The longest wait on a machine that is busy with other tests.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

pub struct Store {
    /// The URL of its collection.
    pub url: String,
    calls: Receiver<Call>,
}

/// A request to delete points that has no answer yet.
pub struct Call {
    pub points: Vec<Value>,
    from: TcpStream,
}

impl Store {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (heard, calls) = mpsc::channel();
        thread::spawn(move || {
            for from in listener.incoming().flatten() {
                let heard = heard.clone();
                // A call that is not answered blocks no other.
                thread::spawn(move || heard.send(Call::read(from)));
            }
        });
        Self {
            url: format!("http://{address}/collections/pages"),
            calls,
        }
    }

    /// Waits for the next call.
    #[track_caller]
    pub fn call(&self) -> Call {
        let call = self.calls.recv_timeout(LONGEST_WAIT);
        call.expect("the store is called")
    }

    pub fn is_called(&self) -> bool {
        self.calls.try_recv().is_ok()
    }
}

impl Call {
    fn read(from: TcpStream) -> Self {
        let mut lines = BufReader::new(&from);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let length = lines.read_line(&mut head).expect("a line");
            assert_ne!(length, 0, "{head}");
        }
        assert!(
            head.starts_with("POST /collections/pages/points/delete?wait=true "),
            "{head}"
        );
        let length = head.to_lowercase();
        let (_, length) = length.split_once("content-length: ").expect("a length");
        let (length, _) = length.split_once("\r\n").expect("a line");
        let mut body = vec![0; length.parse().expect("a number")];
        lines.read_exact(&mut body).expect("a body");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let points = body["points"].as_array().expect("points").clone();
        Self { points, from }
    }

    /// Answers with a status, such as "200 OK".
    pub fn answer(mut self, status: &str) {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let sent = self.from.write_all(answer.as_bytes());
        sent.expect("the answer is sent");
    }
}
