//! The progress of an audit, on terminals only.

use std::{
    io::{IsTerminal, stderr},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use entity::audit::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::progress::Display;

const BETWEEN_DRAWS: Duration = Duration::from_millis(100);

const KNOWN_SIZE: &str =
    "  {bar:24} {msg}, {bytes} of about {total_bytes}, {bytes_per_sec}, {eta} left";
const UNKNOWN_SIZE: &str = "  {spinner} {msg}, {bytes}, {bytes_per_sec}, {elapsed}";

/// Starts the bar, which ends when it is dropped. `bytes` is the estimated size of the text.
pub(super) fn start(progress: Arc<Progress>, bytes: Option<u64>) -> Option<Display> {
    let show = move |is_over: &mpsc::Receiver<()>| show(&progress, bytes, is_over);
    stderr().is_terminal().then(|| Display::start(show))
}

fn show(progress: &Progress, bytes: Option<u64>, is_over: &mpsc::Receiver<()>) {
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
