//! The table `vectors`: which vectors of the vector store belong to which page of which document.

#![allow(missing_docs)]

use sea_orm::entity::prelude::*;

use crate::VectorIds;

/// One row: a page of a document, or a part of one, with its vector ids.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vectors")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    /// The document; its deletion deletes this row.
    pub doc_id: i32,
    /// Page number in the document. Several rows a page are allowed.
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
