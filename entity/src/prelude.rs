//! The entities under the names that SeaORM's own code generator gives them, and what their functions take and
//! return.

pub use super::documents::Entity as Documents;
pub use super::vectors::Entity as Vectors;
pub use super::{Error, Page, VectorId, VectorIds};
