//! Converts errors into HTTP responses.

use std::fmt::Display;

use axum::{
    extract::{
        FromRequest, FromRequestParts,
        rejection::{JsonRejection, PathRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sea_orm::DbErr;
use serde::Serialize;
use serde_json::json;

/// An HTTP error response: its status, and the message in a JSON object.
pub struct Failure(pub StatusCode, pub String);

impl Failure {
    /// Logs the error and returns an answer that does not show it to the client.
    pub fn unexpected(error: impl Display) -> Self {
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
                let message = "another request is changing the same rows; try again";
                Self(StatusCode::SERVICE_UNAVAILABLE, message.to_owned())
            }
            entity::Error::StillReferenced(_) => Self(StatusCode::CONFLICT, error.to_string()),
            entity::Error::NegativePage { .. }
            | entity::Error::NoIds { .. }
            | entity::Error::NoPages { .. } => {
                Self(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
            entity::Error::CommitUnknown { .. } => {
                tracing::error!("{error}");
                let message = "the change may have been made: read the document before you send the request again";
                Self(StatusCode::INTERNAL_SERVER_ERROR, message.to_owned())
            }
            error => Self::unexpected(error),
        }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        entity::Error::from(error).into()
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

/// A body in JSON. A body that cannot be read is answered with a [`Failure`].
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Failure))]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The parameters of a path. A path that cannot be read is answered with a [`Failure`].
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub struct Path<T>(pub T);
