//! Qdrant, over its REST interface.

use std::{error::Error, fmt, time::Duration};

use axum::http::{Request, Uri, header::CONTENT_TYPE, uri::InvalidUri};
use entity::VectorIds;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::json;
use tokio::time::timeout;

const LONGEST_CALL: Duration = Duration::from_secs(10);

/// A collection of points.
pub struct Store {
    delete: Uri,
    client: Client<HttpConnector, String>,
}

impl Store {
    /// Returns the collection at this URL, which nothing is asked of yet.
    pub fn new(collection: &str) -> Result<Self, InvalidUri> {
        Ok(Self {
            delete: format!("{collection}/points/delete?wait=true").parse()?,
            client: Client::builder(TokioExecutor::new()).build_http(),
        })
    }

    /// Deletes points. One that is not there is no error: an earlier call may have deleted it.
    pub async fn delete(&self, points: &VectorIds) -> Result<(), Box<dyn Error + Send + Sync>> {
        let request = Request::post(&self.delete)
            .header(CONTENT_TYPE, "application/json")
            .body(json!({ "points": points }).to_string())?;
        let response = timeout(LONGEST_CALL, self.client.request(request)).await??;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the answer is {status}").into()),
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.delete.fmt(f)
    }
}
