//! Shows that a step that takes longer than a second is still running.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use tracing::{Subscriber, span};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// The span that the library opens around a step.
const STEP: &str = "step";

/// The delay before progress is shown.
const QUIET: Duration = Duration::from_secs(1);

/// The interval between two plain lines, if stderr is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// A layer that follows the library's spans, so that `up` and `repair` show progress in the same way.
pub(super) struct Progress;

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Progress {
    fn on_new_span(&self, _: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id).filter(|span| span.name() == STEP) {
            span.extensions_mut().insert(Display::start(show_step));
        }
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id) {
            span.extensions_mut().remove::<Display>();
        }
    }
}

/// A thread that shows something on stderr. Dropping the value ends the thread and waits for it.
pub(super) struct Display {
    over: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Display {
    /// Starts the thread. Its receiver is disconnected when the display is to end.
    pub(super) fn start(show: impl FnOnce(&mpsc::Receiver<()>) + Send + 'static) -> Self {
        let (over, is_over) = mpsc::channel();
        Self {
            over: Some(over),
            thread: Some(thread::spawn(move || show(&is_over))),
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.over.take();
        if let Some(thread) = self.thread.take() {
            // A display that panicked has nothing left to clean up.
            let _ = thread.join();
        }
    }
}

fn show_step(is_over: &mpsc::Receiver<()>) {
    let started = Instant::now();
    if is_over.recv_timeout(QUIET) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    if stderr().is_terminal() {
        let spinner = ProgressBar::new_spinner().with_elapsed(started.elapsed());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} running for {elapsed}") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(Duration::from_millis(200));
        // Returns when the step is over.
        let _ = is_over.recv();
        spinner.finish_and_clear();
        return;
    }
    loop {
        // A failure of stderr cannot be reported anywhere.
        let _ = writeln!(stderr(), "  running for {} s", started.elapsed().as_secs());
        if is_over.recv_timeout(BETWEEN_LINES) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
