//! The part of the application's table `documents` that `vectors` refers to.
//!
//! This entity maps only the key, because the other columns belong to the application. A service
//! that has its own entity for `documents` keeps it and relates it to [`vectors`](super::vectors).

// Documentation cannot be attached to the relation types that the derive generates.
#![allow(missing_docs)]

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "documents")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    #[sea_orm(has_many)]
    pub vectors: HasMany<super::vectors::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
