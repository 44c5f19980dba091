//! The HTTP routes of the service: one function for each.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use entity::{Page, VectorIds, documents, prelude::*};
use sea_orm::{ActiveModelTrait, ActiveValue::NotSet, DatabaseConnection, TransactionTrait};
use serde::{Deserialize, Serialize};
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::Level;

use crate::{
    failure::{Failure, Json, Path},
    outbox,
};

/// The largest body of a request, in bytes. A page of 1,030 ids takes 37 KB.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

pub fn routes(db: DatabaseConnection) -> Router {
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
                "method not allowed".to_owned(),
            )
        })
        .fallback(async || Failure(StatusCode::NOT_FOUND, "not found".to_owned()))
        .layer(middleware::from_fn(finished))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(logged)
        .with_state(db)
}

/// Finishes a request even if its client disconnects: dropping a database call halfway may close its connection.
async fn finished(request: Request, next: Next) -> Response {
    let response = tokio::spawn(next.run(request)).await;
    response.unwrap_or_else(|error| Failure::unexpected(error).into_response())
}

#[derive(Deserialize)]
struct NewDocument {
    pages: Vec<Page>,
}

#[derive(Serialize)]
struct Document {
    id: i32,
}

/// The points that the outbox worker will delete from the vector store.
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
    let transaction = db.begin().await?;
    let mut purge = Vectors::replace_page(&transaction, id, Page { number, ids }).await?;
    // Another page of this document may still have the id. Documents must not share ids.
    let pages = Vectors::pages_of_document(&transaction, id).await?;
    purge.retain(|id| !pages.iter().any(|page| page.ids.contains(id)));
    outbox::note(&transaction, &purge).await?;
    transaction.commit().await?;
    Ok(Json(Purge { purge }))
}

async fn forget(
    State(db): State<DatabaseConnection>,
    Path(id): Path<i32>,
) -> Result<Json<Purge>, Failure> {
    let transaction = db.begin().await?;
    let purge = Vectors::delete_document(&transaction, id).await?;
    outbox::note(&transaction, &purge).await?;
    transaction.commit().await?;
    Ok(Json(Purge { purge }))
}
