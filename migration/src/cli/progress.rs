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
            span.extensions_mut().insert(Running::new());
        }
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id) {
            span.extensions_mut().remove::<Running>();
        }
    }
}

/// A running step. Dropping the value ends its display.
struct Running {
    over: Option<mpsc::Sender<()>>,
    display: Option<thread::JoinHandle<()>>,
}

impl Running {
    fn new() -> Self {
        let (over, is_over) = mpsc::channel();
        let display = thread::spawn(move || display(&is_over));
        Self {
            over: Some(over),
            display: Some(display),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.over.take();
        if let Some(display) = self.display.take() {
            // A display that panicked has nothing left to clean up.
            let _ = display.join();
        }
    }
}

fn display(is_over: &mpsc::Receiver<()>) {
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
