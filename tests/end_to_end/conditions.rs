//! Waits for conditions without keeping a processor busy.

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// Short compared with the wait, long compared with the question.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(10);

/// The longest wait on a machine that is busy with other tests.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Asks until the answer is yes; panics with `what` if it stays no.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(
            started.elapsed() < LONGEST_WAIT,
            "in {} s {what} has not come about",
            LONGEST_WAIT.as_secs()
        );
        sleep(BETWEEN_QUESTIONS).await;
    }
}
