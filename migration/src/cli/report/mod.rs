//! What `check`, `repair`, `status` and the dry runs found.

pub(super) mod json;
pub(super) mod text;
