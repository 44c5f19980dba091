//! The output of `check`, `repair`, `status` and the dry runs.

pub(super) mod audit_json;
pub(super) mod audit_text;
pub(super) mod json;
pub(super) mod text;
