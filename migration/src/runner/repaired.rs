use crate::{Done, Report};

/// What `repair` did, and how the shape is after it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Repaired {
    /// The steps in their order.
    pub steps: Vec<Done>,
    /// What the server refused, be it a step or the deletion of orphans; what does not depend on it was done.
    pub failed: Vec<converge::Error>,
    /// How many rows without a document were deleted. The caller's sink has what they said.
    pub deleted_orphans: u64,
    /// The shape after the last step.
    pub report: Report,
}
