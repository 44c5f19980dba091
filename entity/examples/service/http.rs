//! The HTTP routes of the service.

use std::fmt::Display;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use entity::{Page, VectorIds, documents, prelude::*};
use sea_orm::{ActiveValue::NotSet, DatabaseConnection, DbErr, TransactionTrait, entity::*};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::Level;

use crate::outbox;

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
                "not by this method".to_owned(),
            )
        })
        .fallback(async || Failure(StatusCode::NOT_FOUND, "there is nothing here".to_owned()))
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
    // An id that another page has too is still in use.
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

/// An extractor that answers a body or a path that cannot be read with a [`Failure`], in JSON as well.
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

impl Failure {
    /// Logs the error and returns an answer that does not show it to the client.
    fn unexpected(error: impl Display) -> Self {
        tracing::error!("{error}");
        let message = "the request failed in the database; the log shows the reason";
        Self(StatusCode::INTERNAL_SERVER_ERROR, message.to_owned())
    }
}

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
            error if error.is_retryable() => {
                let said = "another request was in the way; send this one again";
                Self(StatusCode::SERVICE_UNAVAILABLE, said.to_owned())
            }
            entity::Error::Database(_) | entity::Error::CommitUnknown { .. } => {
                Self::unexpected(error)
            }
            error => Self(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
        }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        entity::Error::from(error).into()
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
