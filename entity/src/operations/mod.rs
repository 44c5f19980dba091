//! What a service does with the pages of its documents, as functions of [`Vectors`](crate::prelude::Vectors).

mod delete;
mod insert;
mod read;
mod record;
mod replace;
mod row;
#[cfg(test)]
mod tests;
mod transaction;

/// Each is one of a statement's values, of which SQLite has 32,766.
const DOCUMENTS_AT_ONCE: usize = 10_000;
