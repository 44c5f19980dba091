//! The part of the application's table `documents` that `vectors` refers to.
//!
//! Only the key is mapped: the other columns belong to the application. A service that has an entity
//! of its own for `documents` keeps it and relates it to [`vectors`](super::vectors).

// The derived relation types have no place for documentation.
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
