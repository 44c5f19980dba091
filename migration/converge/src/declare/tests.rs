use sea_orm_migration::schema::{
    big_integer, decimal_len, integer, integer_null, pk_auto, string_len, text,
};
use sea_query::{ForeignKey, ForeignKeyAction, Index, Table};

use super::*;

fn problems(declare: impl FnOnce(&mut Shape)) -> Vec<String> {
    let mut shape = Shape::default();
    let books = Table::create().table("books").col(pk_auto("id")).take();
    shape.require(&books);
    declare(&mut shape);
    match shape.require_comparable() {
        Ok(()) => Vec::new(),
        Err(error) => error.problems,
    }
}

fn pages() -> TableCreateStatement {
    let id = pk_auto("id");
    let mut pages = Table::create();
    pages
        .table("pages")
        .col(id)
        .col(integer("book_id"))
        .col(text("body"))
        .take()
}

fn key(action: ForeignKeyAction) -> ForeignKeyCreateStatement {
    let mut key = ForeignKey::create();
    key.from("pages", "book_id")
        .to("books", "id")
        .on_delete(action)
        .take()
}

#[test]
fn a_table_with_a_key_and_an_index_has_no_problem() {
    let found = problems(|shape| {
        shape
            .table(pages().foreign_key(&mut key(ForeignKeyAction::Cascade)))
            .index(Index::create().name("ix").table("pages").col("book_id"));
    });

    assert_eq!(found, [""; 0]);
}

/// Each case is a declaration next to the table `pages`, and the problem with it.
#[test]
fn what_an_engine_cannot_make_is_a_problem() {
    type Declared = fn(&mut Shape);
    let cases: [(Declared, &str); 13] = [
        (
            |shape| {
                shape.foreign_key(&key(ForeignKeyAction::Cascade));
                shape.foreign_key(&key(ForeignKeyAction::Restrict));
            },
            "foreign key of pages on book_id is declared twice",
        ),
        (
            |shape| {
                shape.foreign_key(&key(ForeignKeyAction::SetNull));
            },
            "pages: the foreign key on book_id to books.id: book_id takes no NULL",
        ),
        (
            |shape| {
                shape.foreign_key(&key(ForeignKeyAction::SetDefault));
            },
            "pages: the foreign key on book_id to books.id: InnoDB has no ON DELETE SET DEFAULT",
        ),
        (
            |shape| {
                shape
                    .column("pages", &big_integer("other_id").null().take())
                    .foreign_key(
                        ForeignKey::create()
                            .from("pages", "other_id")
                            .to("books", "id"),
                    );
            },
            "pages: the foreign key on other_id to books.id: 64-bit integer refers to 32-bit integer",
        ),
        (
            |shape| {
                shape.foreign_key(
                    ForeignKey::create()
                        .from("pages", "book_id")
                        .to("pages", "book_id"),
                );
            },
            "pages: the foreign key on book_id to pages.book_id: nothing makes book_id unique",
        ),
        (
            |shape| {
                let shelves = Table::create()
                    .table("shelves")
                    .col(pk_auto("id"))
                    .col(integer("page_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("shelves", "page_id")
                            .to("pages", "id"),
                    )
                    .take();
                shape
                    .table(&shelves)
                    .column("pages", &integer_null("shelf_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("pages", "shelf_id")
                            .to("shelves", "id"),
                    );
            },
            "pages: the foreign key on shelf_id to shelves.id: both tables refer to each other, \
             and neither can be made first",
        ),
        (
            |shape| {
                shape.index(Index::create().name("ix").table("pages").col("body"));
            },
            "pages: index ix is over body, of which MySQL indexes no more than the first 768 characters",
        ),
        (
            |shape| {
                shape.index(Index::create().name("ix").table("pages").col("pages"));
            },
            "pages: index ix is over pages, which is not declared",
        ),
        (
            |shape| {
                shape.column("pages", &integer_null("Body"));
            },
            "column of pages Body is declared twice",
        ),
        (
            |shape| {
                shape.column("pages", &string_len("title", 20_000).null().take());
            },
            "pages.title: MySQL has no varchar of more than 16383 characters",
        ),
        (
            |shape| {
                shape.column("pages", &string_len("title", 9_000).null().take());
                shape.column("pages", &string_len("summary", 9_000).null().take());
            },
            "pages: MySQL has no row of more than 65535 bytes, and its columns take 72024",
        ),
        (
            |shape| {
                shape.column("pages", &decimal_len("price", 80, 2).null().take());
            },
            "pages.price: MySQL has no decimal of more than 65 digits, 30 of them behind the point",
        ),
        (
            |shape| {
                let name = "ix_that_is_called_by_all_of_the_columns_that_it_has_and_some_more";
                shape.index(Index::create().name(name).table("pages").col("book_id"));
            },
            "ix_that_is_called_by_all_of_the_columns_that_it_has_and_some_more \
             has more than 63 bytes, which PostgreSQL cuts off",
        ),
    ];
    for (declare, problem) in cases {
        let found = problems(|shape| declare(shape.table(&pages())));

        assert!(
            found.iter().any(|one| one == problem),
            "{problem}: {found:?}"
        );
    }
}
