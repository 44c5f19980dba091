//! SeaORM entities for the table `vectors`, which keeps the vector ids of every page of a document,
//! and for the part of `documents` that it hangs on.
//!
//! The crate enables no async runtime and no database driver: the service that imports it chooses
//! both with its own features of `sea-orm`.
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
//! The entities are SeaORM's own, and can do all that these can:
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

pub mod documents;
mod error;
mod operations;
mod page;
pub mod prelude;
mod referrer;
mod server_error;
mod vector_ids;
pub mod vectors;

pub use error::Error;
pub use page::Page;
pub use referrer::Referrer;
pub use vector_ids::{OpaqueId, ParseVectorIdsError, VectorId, VectorIds};
