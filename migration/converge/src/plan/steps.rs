use super::{Lock, Step};

/// Steps in their order, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    first: Step,
    rest: Vec<Step>,
}

impl Steps {
    pub(super) fn of(first: Step, rest: impl IntoIterator<Item = Step>) -> Self {
        Self {
            first,
            rest: rest.into_iter().collect(),
        }
    }

    pub(crate) fn first(&self) -> &Step {
        &self.first
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Step> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// Returns the same steps with other locks.
    pub(super) fn locking(mut self, lock: impl Fn(Lock) -> Lock) -> Self {
        for step in std::iter::once(&mut self.first).chain(&mut self.rest) {
            step.lock = lock(step.lock);
        }
        self
    }

    /// Returns the same steps, followed by others.
    pub(super) fn then(mut self, others: Self) -> Self {
        self.rest.push(others.first);
        self.rest.extend(others.rest);
        self
    }
}

impl From<Step> for Steps {
    fn from(step: Step) -> Self {
        Self::of(step, [])
    }
}
