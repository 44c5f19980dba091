//! How many tests keep the processors busy at once. More of them would take more time in all, since
//! each would find the caches filled by the others.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
};

use crate::suites;

/// Beside a test that waits for a server, another one can compute.
const TESTS_PER_CORE: usize = 2;

/// How many of the tests that wait run at once: all of the quick tier. Some of them start servers.
pub const MOST_WAITING: usize = 24;

static TAKEN: Mutex<usize> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

/// Returns how many tests run at once, apart from those that [wait](suites::waits).
pub fn at_once() -> usize {
    available_parallelism().map_or(1, usize::from) * TESTS_PER_CORE
}

/// A test's turn. Dropping it gives it to another test.
pub struct Turn;

/// Waits until it is this test's turn; there is no need to if the test itself waits.
pub fn wait_for(test: &str) -> Option<Turn> {
    if suites::waits(test) {
        return None;
    }
    let is_full = |taken: &mut usize| *taken >= at_once();
    let free = GIVEN_BACK.wait_while(taken(), is_full);
    *free.unwrap_or_else(PoisonError::into_inner) += 1;
    Some(Turn)
}

impl Drop for Turn {
    fn drop(&mut self) {
        *taken() -= 1;
        GIVEN_BACK.notify_one();
    }
}

fn taken() -> MutexGuard<'static, usize> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}
