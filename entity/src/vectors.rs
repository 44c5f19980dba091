//! The table `vectors`: which vectors of the vector store belong to which page of which document.

#![allow(missing_docs)]

use sea_orm::entity::prelude::*;

use crate::VectorIds;

/// A row: a page of a document, or a part of one, with its vector ids.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vectors")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    /// The document. Deleting the document deletes this row.
    pub doc_id: i32,
    /// The page number in the document. A page may have several rows.
    pub page: i32,
    /// The page's ids in the vector store.
    #[sea_orm(column_type = "Text")]
    pub vector_ids: VectorIds,
    #[sea_orm(
        belongs_to,
        from = "doc_id",
        to = "id",
        on_update = "NoAction",
        on_delete = "Cascade"
    )]
    pub document: BelongsTo<super::documents::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
