//! An application that applies pending migrations when it starts. Its argument is the URL of the database.

use migration::{Error, Runner};
use tests::chained::AppMigrator;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).unwrap_or_default();
    let db = sea_orm::Database::connect(url).await?;
    Runner::<AppMigrator>::default().up(&db, None).await?;
    Ok(db.close().await?)
}
