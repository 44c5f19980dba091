//! SeaORM entities for the table `vectors`, which records the vector ids of every page of a
//! document, and for the part of `documents` that it refers to.
//!
//! - An **id** ([`VectorId`]) names a point of the vector store. It is a UUID, a number or any
//!   other name.
//! - A **page** ([`Page`]) is a page number of a document with its ids. A page can have several
//!   rows.
//! - The **operations** are functions of [`prelude::Vectors`]. They record, read, replace and
//!   delete pages. Those that remove pages lock the document first, and return the ids to delete
//!   from the vector store, so that no id is lost.
//!
//! The crate enables no async runtime and no database driver: the service that imports it chooses
//! both with the features of its own `sea-orm`.
//!
//! ```
//! use entity::{Error, Page, VectorIds, prelude::*};
//! use sea_orm::DatabaseConnection;
//!
//! /// Records the pages of a document, and reads the ids of the first one back.
//! async fn ingest(db: &DatabaseConnection, doc_id: i32) -> Result<VectorIds, Error> {
//!     let pages = [Page::new(1, ["0f8fad5bd9cb469fa16570867728950e"])];
//!     Vectors::record_pages(db, doc_id, pages).await?;
//!     Vectors::ids_of_page(db, doc_id, 1).await
//! }
//! ```
//!
//! The entities are ordinary SeaORM entities, and all of SeaORM's functions work with them:
//!
//! ```
//! use entity::prelude::*;
//! use sea_orm::{DatabaseConnection, DbErr, entity::*, query::*};
//!
//! async fn pages(db: &DatabaseConnection, doc_id: i32) -> Result<usize, DbErr> {
//!     let document = Documents::load().filter_by_id(doc_id).with(Vectors).one(db).await?;
//!     Ok(document.map_or(0, |document| document.vectors.len()))
//! }
//! ```
//!
//! # Features
//!
//! | feature | effect |
//! |---|---|
//! | `audit` | `reconcile` and the module `audit`: compare the rows with the points of a vector store |
//! | `qdrant` | converts between [`VectorId`] and the point ids of `qdrant-client`; `scroll` lists a collection |
//!
//! # Errors
//!
//! Each operation returns an [`Error`]. After every error except [`Error::CommitUnknown`] nothing
//! has changed.
//!
//! # Cancellation
//!
//! If the future of an operation is dropped before it is ready, the operation is done completely or
//! not at all, but its result is lost, and with it the ids to delete from the vector store. Run it
//! in a task of its own where a request may be cancelled. After a drop in a transaction of yours,
//! drop that transaction too.

#[cfg(feature = "audit")]
pub mod audit;
pub mod documents;
mod error;
mod operations;
mod page;
#[cfg(feature = "audit")]
mod partition;
pub mod prelude;
#[cfg(feature = "audit")]
mod reconcile;
mod referrer;
#[cfg(feature = "qdrant")]
mod scroll;
mod server_error;
mod vector_ids;
pub mod vectors;

pub use error::Error;
pub use page::Page;
#[cfg(feature = "audit")]
pub use reconcile::reconcile;
pub use referrer::Referrer;
#[cfg(feature = "qdrant")]
pub use scroll::{ScrollError, scroll};
pub use vector_ids::{OpaqueId, ParseVectorIdsError, VectorId, VectorIds};
