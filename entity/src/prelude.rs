//! The entities under the names that SeaORM's code generator gives them, and the types that their
//! functions take and return.

pub use super::documents::Entity as Documents;
pub use super::vectors::Entity as Vectors;
pub use super::{Error, Page, VectorId, VectorIds};
