//! The table `page_texts`: the text of each page.

#![allow(missing_docs)]

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "page_texts")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub doc_id: i32,
    pub page: i32,
    #[sea_orm(column_type = "Text")]
    pub body: String,
    pub lang: String,
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
