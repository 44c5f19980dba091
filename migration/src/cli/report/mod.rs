//! What `check`, `repair`, `status` and the dry runs found.

pub(super) mod audit_json;
pub(super) mod audit_text;
pub(super) mod json;
pub(super) mod text;
