//! SeaORM entities for the table `vectors`, which keeps the vector ids of every page of a document,
//! and for the part of `documents` that it hangs on.
//!
//! The crate enables no async runtime and no database driver: the service that imports it chooses
//! both with its own features of `sea-orm`.
//!
//! ```
//! use entity::prelude::*;
//! use sea_orm::{ActiveValue::Set, DatabaseConnection, DbErr, entity::*, query::*};
//!
//! /// Records the vector ids of one page and reads them back.
//! async fn record(db: &DatabaseConnection, doc_id: i32) -> Result<Option<VectorIds>, DbErr> {
//!     entity::vectors::ActiveModel {
//!         doc_id: Set(doc_id),
//!         page: Set(1),
//!         vector_ids: Set(VectorIds::from_iter(["0f8fad5bd9cb469fa16570867728950e"])),
//!         ..Default::default()
//!     }
//!     .insert(db)
//!     .await?;
//!
//!     let document = Documents::load()
//!         .filter_by_id(doc_id)
//!         .with(Vectors)
//!         .one(db)
//!         .await?;
//!     Ok(document.and_then(|found| found.vectors.into_iter().next().map(|row| row.vector_ids)))
//! }
//! ```

pub mod documents;
pub mod prelude;
mod vector_ids;
pub mod vectors;

pub use vector_ids::{ParseVectorIdsError, VectorIds};
