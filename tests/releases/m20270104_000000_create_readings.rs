use converge::{Declares, Shape};
use sea_orm_migration::{prelude::*, schema::*};

use crate::declared;

/// A table with every type that can be declared, names with capitals, and keys to and from older tables.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl Declares for Migration {
    fn declare(shape: &mut Shape) {
        shape
            .table(
                Table::create()
                    .table("Readings")
                    .col(big_pk_auto("Id"))
                    .col(integer("textId"))
                    .col(small_integer("small"))
                    .col(string_len("select", 40))
                    .col(boolean("flag"))
                    .col(float("ratio"))
                    .col(double("exact"))
                    .col(decimal_len("price", 12, 2))
                    .col(blob("raw"))
                    .col(date("day"))
                    .col(date_time("local"))
                    .col(timestamp_with_time_zone("instant"))
                    .col(uuid("token"))
                    .col(json("extra"))
                    .col(json_binary_null("more"))
                    .foreign_key(
                        // Without an action.
                        ForeignKey::create()
                            .from("Readings", "textId")
                            .to("page_texts", "id"),
                    ),
            )
            .index(
                Index::create()
                    .unique()
                    .name("Readings token")
                    .table("Readings")
                    .col("token"),
            )
            .index(
                Index::create()
                    .name("ix Readings")
                    .table("Readings")
                    .col("select")
                    .col("day"),
            )
            .table(
                Table::create()
                    .table("marks")
                    .col(pk_auto("id"))
                    .col(integer("vector_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("marks", "vector_id")
                            .to("vectors", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    ),
            )
            .column("vectors", &big_integer_null("readingId"))
            .foreign_key(
                ForeignKey::create()
                    .from("vectors", "readingId")
                    .to("Readings", "Id")
                    .on_delete(ForeignKeyAction::SetNull),
            )
            .index(
                Index::create()
                    .name("ix_vectors_reading")
                    .table("vectors")
                    .col("readingId"),
            );
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        declared::up(self.name(), manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        declared::down(self.name(), manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
