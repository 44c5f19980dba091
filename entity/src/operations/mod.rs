//! What a service does with the pages of its documents, as functions of [`Vectors`](crate::prelude::Vectors).

mod delete;
mod read;
mod record;
mod replace;
mod transaction;
