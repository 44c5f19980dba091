//! How much is tried: a sample for every change, everything at night.

use std::{
    collections::BTreeSet,
    env,
    hash::{DefaultHasher, Hash, Hasher},
    sync::OnceLock,
};

const EXHAUSTIVE: &str = "TEST_EXHAUSTIVE";
const SEED: &str = "TEST_SEED";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Quick,
    Exhaustive,
}

impl Tier {
    /// Returns the tier of this run.
    pub fn current() -> Self {
        match env::var_os(EXHAUSTIVE) {
            None => Self::Quick,
            Some(_) => Self::Exhaustive,
        }
    }
}

/// Returns how often something is done.
pub fn rounds(quick: usize, exhaustive: usize) -> usize {
    match Tier::current() {
        Tier::Quick => quick,
        Tier::Exhaustive => exhaustive,
    }
}

/// Returns the number from which every choice of this run is drawn. `TEST_SEED` repeats a run.
pub fn seed() -> u64 {
    static CHOSEN: OnceLock<u64> = OnceLock::new();
    *CHOSEN.get_or_init(|| match env::var(SEED) {
        Ok(seed) => seed
            .parse()
            .unwrap_or_else(|_| panic!("{SEED} is {seed:?}, expected a number")),
        Err(_) => fastrand::u64(..),
    })
}

/// Returns the choices of one test, which do not depend on which other tests run.
pub fn choices(test: impl Hash) -> fastrand::Rng {
    let mut hasher = DefaultHasher::new();
    (seed(), test).hash(&mut hasher);
    fastrand::Rng::with_seed(hasher.finish())
}

/// Returns the points of `0..all` to try: in the quick tier the first, the last, those in `always`
/// and a few more.
pub fn sample(
    all: usize,
    always: impl IntoIterator<Item = usize>,
    more: usize,
    choices: &mut fastrand::Rng,
) -> Vec<usize> {
    if Tier::current() == Tier::Exhaustive {
        return (0..all).collect();
    }
    let ends = [0, all.saturating_sub(1)];
    let drawn = (0..more).map(|_| choices.usize(0..all.max(1)));
    let points: BTreeSet<usize> = ends.into_iter().chain(always).chain(drawn).collect();
    points.into_iter().filter(|point| *point < all).collect()
}
