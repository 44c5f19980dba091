//! Waiting for a condition without keeping a processor from what is waited for.

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// Short against what is waited for, long against the question.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(10);

/// On a machine that is busy with other tests.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Asks until the answer is yes; panics with `what` where it stays no.
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
