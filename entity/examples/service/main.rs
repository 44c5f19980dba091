//! A service that records which vector ids belong to which page of which document, and deletes the points of replaced
//! pages and deleted documents from the vector store.
//!
//! ```console
//! $ cargo run -p entity --example service
//! $ curl -d '{"pages": [{"number": 1, "ids": ["0f8fad5bd9cb469fa16570867728950e"]}]}' \
//!     -H 'content-type: application/json' localhost:3000/documents
//! {"id":1}
//! $ curl localhost:3000/documents/1/pages/1
//! {"number":1,"ids":["0f8fad5bd9cb469fa16570867728950e"]}
//! $ curl -X PUT -d '["7c9e6679742540de944be07fc1f90ae7"]' -H 'content-type: application/json' \
//!     localhost:3000/documents/1/pages/1
//! {"purge":["0f8fad5bd9cb469fa16570867728950e"]}
//! $ curl -X DELETE localhost:3000/documents/1
//! {"purge":["7c9e6679742540de944be07fc1f90ae7"]}
//! ```
//!
//! | variable | meaning |
//! |---|---|
//! | `DATABASE_URL` | the database: PostgreSQL, MySQL, MariaDB or SQLite; without it the file `service.db` |
//! | `LISTEN` | the address; without it `127.0.0.1:3000` |
//! | `STORE` | the collection in Qdrant, such as `http://localhost:6333/collections/pages`; without it the points to delete wait in the table `outbox` |
//!
//! Read next: `http.rs`, then `outbox.rs` with `store.rs`, then `migrator.rs`. `failure.rs` turns errors into answers.

mod failure;
mod http;
mod m20261128_000000_create_outbox;
mod migrator;
mod outbox;
mod store;

use std::{env, error::Error, future};

use migration::{CreateDocuments, Runner};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr};
use tokio::{net::TcpListener, signal};

use crate::{migrator::Migrator, store::Store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let db = connect().await?;
    // This service needs no column of `documents` but its id, so the migrations may create the table.
    let runner = Runner::<Migrator>::default().create_documents(CreateDocuments::Anywhere);
    runner.up(&db, None).await?;

    match env::var("STORE") {
        Ok(collection) => {
            let store = Store::new(&collection)?;
            // The worker may be killed at any point: the points that it has not deleted stay in the outbox.
            tokio::spawn(outbox::purge_forever(db.clone(), store));
        }
        Err(_) => tracing::warn!("STORE names no collection: points wait in the outbox"),
    }
    let address = env::var("LISTEN").unwrap_or("127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, http::routes(db))
        .with_graceful_shutdown(told_to_stop())
        .await?;
    tracing::info!("no request is left");
    Ok(())
}

async fn connect() -> Result<DatabaseConnection, Box<dyn Error>> {
    let url = env::var("DATABASE_URL").unwrap_or("sqlite://service.db?mode=rwc".to_owned());
    let mut options = ConnectOptions::new(url);
    // A line for each statement would hide the other lines of the log.
    options.sqlx_logging(false);
    Database::connect(options)
        .await
        .map_err(|error| match error {
            // SeaORM's message would show the URL with its password.
            DbErr::Conn(RuntimeErr::Internal(_)) => {
                "DATABASE_URL: expected a URL of postgres, mysql or sqlite".into()
            }
            error => error.into(),
        })
}

async fn told_to_stop() {
    let terminated = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut signals) => signals.recv().await,
            Err(error) => {
                tracing::error!("SIGTERM cannot be caught: {error}");
                future::pending().await
            }
        }
    };
    tokio::select! {
        _ = signal::ctrl_c() => {}
        _ = terminated => {}
    }
}
