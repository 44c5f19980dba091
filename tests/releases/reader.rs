//! Writes and reads the rows of document 1 through the entities of the later release.

use entity::{Page, page_texts, prelude::*, vectors};
use sea_orm::{ActiveModelTrait, ColumnTrait, Database, EntityTrait, QueryFilter, Set};

fn main() {
    async_std::task::block_on(run()).expect("the rows are written and read");
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let db = Database::connect(std::env::var("DATABASE_URL")?).await?;
    Vectors::record_pages(&db, 1, [Page::new(5, ["0f8fad5bd9cb469fa16570867728950e"])]).await?;
    let of_page = vectors::Column::Page.eq(5);
    let row = Vectors::find().filter(of_page.clone()).one(&db).await?;
    let mut row: vectors::ActiveModel = row.ok_or("no row")?.into();
    row.model = Set(Some("v1".to_owned()));
    row.update(&db).await?;
    let text = page_texts::ActiveModel {
        doc_id: Set(1),
        page: Set(5),
        body: Set("five".to_owned()),
        lang: Set("en".to_owned()),
        ..Default::default()
    };
    text.insert(&db).await?;
    let row = Vectors::find().filter(of_page).one(&db).await?;
    let texts = page_texts::Entity::find().all(&db).await?;
    println!("{:?} {:?}", row.and_then(|row| row.model), texts.first().map(|text| &text.body));
    Ok(())
}
