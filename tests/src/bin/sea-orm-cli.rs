//! Runs `sea-orm-cli` as `cargo install sea-orm-cli` builds it.

#[tokio::main]
async fn main() {
    sea_orm_cli::main().await;
}
