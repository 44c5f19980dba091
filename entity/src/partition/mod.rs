//! Sets of records that may be larger than the memory: partitioned by hash, in memory as long as they fit, and in one
//! temporary file after that. Equal keys are in the same part, so that parts are compared one after the other.

mod load;
mod memory;
mod record;
mod set;
mod spool;
#[cfg(test)]
mod tests;

pub(crate) use load::{Limit, Loaded, Loading, Order, load};
pub(crate) use record::{Code, Key, Name, Record, UuidKey};
pub(crate) use set::{PARTS, Part, Seed, Set};
pub(crate) use spool::Spool;
