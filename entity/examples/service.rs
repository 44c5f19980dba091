//! A service that keeps which vector ids belong to which page of which document.
//!
//! ```console
//! $ cargo run -p entity --example service
//! $ curl -d '{"pages": [{"number": 1, "ids": ["0f8fad5bd9cb469fa16570867728950e"]}]}' \
//!     -H 'content-type: application/json' localhost:3000/documents
//! {"id":1}
//! $ curl localhost:3000/documents/1/pages/1
//! {"number":1,"ids":["0f8fad5bd9cb469fa16570867728950e"]}
//! $ curl -X DELETE localhost:3000/documents/1
//! {"purge":["0f8fad5bd9cb469fa16570867728950e"]}
//! ```
//!
//! `DATABASE_URL` names the SQLite database, `LISTEN` the address.

use std::{env, error::Error, future};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use entity::{Page, VectorIds, documents, prelude::*};
use migration::{CreateDocuments, Runner};
use sea_orm::{
    ActiveValue::NotSet, Database, DatabaseConnection, DbErr, TransactionTrait, entity::*,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{net::TcpListener, signal};
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::Level;

/// A page of 1,030 ids takes 37 KB.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    // What the environment says goes before what .env says.
    dotenvy::dotenv().ok();
    let url = env::var("DATABASE_URL").unwrap_or("sqlite://colpali.db?mode=rwc".to_owned());
    if !url.starts_with("sqlite:") {
        // The driver's own error would show the URL with its password.
        return Err("DATABASE_URL: this example is built with SQLite's driver alone".into());
    }
    let address = env::var("LISTEN").unwrap_or("127.0.0.1:3000".to_owned());

    let db = Database::connect(&url).await?;
    // This service knows of a document only that it is there, so its table may be the migrations' own.
    let runner = Runner::new().create_documents(CreateDocuments::Anywhere);
    runner.up(&db, None).await?;

    let listener = TcpListener::bind(address).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, routes(db.clone()))
        .with_graceful_shutdown(told_to_stop())
        .await?;
    tracing::info!("no request is left");
    Ok(db.close().await?)
}

fn routes(db: DatabaseConnection) -> Router {
    let logged = TraceLayer::new_for_http()
        .make_span_with(DefaultMakeSpan::new().level(Level::INFO))
        .on_response(DefaultOnResponse::new().level(Level::INFO));
    Router::new()
        .route("/documents", post(ingest))
        .route("/documents/{id}", delete(forget))
        .route("/documents/{id}/pages/{page}", get(show).put(replace))
        .method_not_allowed_fallback(async || {
            Failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "not by this method".to_owned(),
            )
        })
        .fallback(async || Failure(StatusCode::NOT_FOUND, "there is nothing here".to_owned()))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(logged)
        .with_state(db)
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

#[derive(Deserialize)]
struct NewDocument {
    pages: Vec<Page>,
}

#[derive(Serialize)]
struct Document {
    id: i32,
}

/// The points that nothing refers to any more.
#[derive(Serialize)]
struct Purge {
    purge: VectorIds,
}

async fn ingest(
    State(db): State<DatabaseConnection>,
    Json(new): Json<NewDocument>,
) -> Result<(StatusCode, Json<Document>), Failure> {
    let transaction = db.begin().await?;
    let document = documents::ActiveModel { id: NotSet };
    let id = document.insert(&transaction).await?.id;
    Vectors::record_pages(&transaction, id, new.pages).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(Document { id })))
}

async fn show(
    State(db): State<DatabaseConnection>,
    Path((id, number)): Path<(i32, i32)>,
) -> Result<Json<Page>, Failure> {
    let ids = Vectors::ids_of_page(&db, id, number).await?;
    Ok(Json(Page { number, ids }))
}

async fn replace(
    State(db): State<DatabaseConnection>,
    Path((id, number)): Path<(i32, i32)>,
    Json(ids): Json<VectorIds>,
) -> Result<Json<Purge>, Failure> {
    let purge = Vectors::replace_page(&db, id, Page { number, ids }).await?;
    Ok(Json(Purge { purge }))
}

async fn forget(
    State(db): State<DatabaseConnection>,
    Path(id): Path<i32>,
) -> Result<Json<Purge>, Failure> {
    let purge = Vectors::delete_document(&db, id).await?;
    Ok(Json(Purge { purge }))
}

/// Bodies and paths that cannot be read are answered in JSON too.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Failure))]
struct Json<T>(T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
struct Path<T>(T);

struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        (status, axum::Json(json!({ "error": error }))).into_response()
    }
}

impl From<entity::Error> for Failure {
    fn from(error: entity::Error) -> Self {
        match error {
            entity::Error::UnknownDocument { .. } => Self(StatusCode::NOT_FOUND, error.to_string()),
            entity::Error::Database(error) => error.into(),
            // Nobody else has them if the change is made.
            entity::Error::Unanswered { unused, source } => {
                tracing::error!("perhaps to be purged: {unused}");
                source.into()
            }
            error => Self(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
        }
    }
}

/// What the database says is for the log.
impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        tracing::error!("{error}");
        let said = "the database could not do it; the log says why";
        Self(StatusCode::INTERNAL_SERVER_ERROR, said.to_owned())
    }
}

impl From<axum::extract::rejection::JsonRejection> for Failure {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<axum::extract::rejection::PathRejection> for Failure {
    fn from(rejection: axum::extract::rejection::PathRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}
