//! Hands findings over from the threads that make them.

use std::io;

use async_channel::Sender;

use super::{AuditError, Finding, Totals};

/// What comes from the thread that compares.
pub(super) enum Message {
    Findings(Vec<Finding>),
    Totals(Box<Totals>),
    Failed(AuditError),
}

/// Why that thread stops.
pub(super) enum Stop {
    /// Nobody reads what it finds any more.
    NoReader,
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One at a time would cost more than what it is about.
const AT_ONCE: usize = 256;

/// Gathers findings and hands them over. It waits for the reader, so that they take no memory.
pub(super) struct Emitter {
    messages: Sender<Message>,
    gathered: Vec<Finding>,
    has_reader: bool,
}

impl Emitter {
    pub(super) fn new(messages: Sender<Message>) -> Self {
        Self {
            messages,
            gathered: Vec::new(),
            has_reader: true,
        }
    }

    /// Adds a finding. Where nobody reads it, [`require_reader`](Self::require_reader) says so.
    pub(super) fn push(&mut self, finding: Finding) {
        self.gathered.push(finding);
        if self.gathered.len() >= AT_ONCE {
            self.send();
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        if !self.gathered.is_empty() {
            self.send();
        }
        self.require_reader()
    }

    pub(super) fn require_reader(&self) -> Result<(), Stop> {
        match self.has_reader {
            true => Ok(()),
            false => Err(Stop::NoReader),
        }
    }

    fn send(&mut self) {
        let findings = std::mem::take(&mut self.gathered);
        if self.has_reader {
            let sent = self.messages.send_blocking(Message::Findings(findings));
            self.has_reader = sent.is_ok();
        }
    }
}

/// With nothing gathered.
impl Clone for Emitter {
    fn clone(&self) -> Self {
        Self::new(self.messages.clone())
    }
}
