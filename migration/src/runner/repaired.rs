use crate::{Done, Report};

/// The result of `repair`: what it did, and the shape afterwards.
#[derive(Debug)]
#[non_exhaustive]
pub struct Repaired {
    /// The steps in their order.
    pub steps: Vec<Done>,
    /// The errors of steps, and of the deletion of orphans, that the server refused. What does not
    /// depend on them was done.
    pub failed: Vec<converge::Error>,
    /// How many rows without a document were deleted. The caller's sink has their values.
    pub deleted_orphans: u64,
    /// The shape after the last step.
    pub report: Report,
}
