//! The output of `check`, `repair`, `status` and the dry runs.

pub(super) mod json;
pub(super) mod text;
