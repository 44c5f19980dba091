//! Shows on a terminal how far an audit is, and nothing elsewhere.

use std::{
    io::{IsTerminal, stderr},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use entity::audit::Progress;
use indicatif::{ProgressBar, ProgressStyle};

const BETWEEN_DRAWS: Duration = Duration::from_millis(100);

const KNOWN_SIZE: &str =
    "  {bar:24} {msg}, {bytes} of about {total_bytes}, {bytes_per_sec}, {eta} left";
const UNKNOWN_SIZE: &str = "  {spinner} {msg}, {bytes}, {bytes_per_sec}, {elapsed}";

/// Dropping it ends the display.
pub(super) struct Bar {
    over: Option<mpsc::Sender<()>>,
    display: Option<thread::JoinHandle<()>>,
}

impl Bar {
    /// `bytes` is about how many bytes of text there are.
    pub(super) fn start(progress: Arc<Progress>, bytes: Option<u64>) -> Self {
        if !stderr().is_terminal() {
            return Self {
                over: None,
                display: None,
            };
        }
        let (over, is_over) = mpsc::channel();
        let display = thread::spawn(move || display(&progress, bytes, &is_over));
        Self {
            over: Some(over),
            display: Some(display),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.over.take();
        if let Some(display) = self.display.take() {
            // A display that panicked has nothing left to show.
            let _ = display.join();
        }
    }
}

fn display(progress: &Progress, bytes: Option<u64>, is_over: &mpsc::Receiver<()>) {
    let (bar, template) = match bytes {
        Some(bytes) => (ProgressBar::new(bytes), KNOWN_SIZE),
        None => (ProgressBar::new_spinner(), UNKNOWN_SIZE),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    while is_over.recv_timeout(BETWEEN_DRAWS) == Err(RecvTimeoutError::Timeout) {
        let message = match (progress.rows(), progress.points()) {
            (0, points @ 1..) => format!("{points} points"),
            (rows, _) => format!("{rows} rows"),
        };
        bar.set_message(message);
        let read = progress.bytes();
        // What was estimated may be less than there is.
        if bar.length().is_some_and(|length| read > length) {
            bar.set_length(read);
        }
        bar.set_position(read);
        bar.tick();
    }
    bar.finish_and_clear();
}
