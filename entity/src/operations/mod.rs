//! Operations of a service on the pages of its documents, as functions of
//! [`Vectors`](crate::prelude::Vectors).

mod delete;
mod insert;
mod read;
mod record;
mod replace;
mod row;
#[cfg(test)]
mod tests;
mod transaction;

#[cfg(feature = "audit")]
pub(crate) use read::without_pages;

/// How many documents one statement names. Each is one value, and SQLite allows 32,766 in a
/// statement.
const DOCUMENTS_AT_ONCE: usize = 10_000;
