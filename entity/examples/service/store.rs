//! A client for Qdrant's REST interface.

use std::{error::Error, fmt, time::Duration};

use axum::http::{Request, Uri, header::CONTENT_TYPE, uri::Scheme};
use entity::{VectorId, VectorIds};
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
    /// Returns the collection at this URL, without a request.
    pub fn new(collection: &str) -> Result<Self, String> {
        let url: Result<Uri, _> = format!("{collection}/points/delete?wait=true").parse();
        match url {
            Ok(delete) if delete.scheme() == Some(&Scheme::HTTP) && delete.host().is_some() => {
                Ok(Self {
                    delete,
                    client: Client::builder(TokioExecutor::new()).build_http(),
                })
            }
            _ => Err(format!(
                "STORE: expected a URL such as http://localhost:6333/collections/pages, not {collection:?}"
            )),
        }
    }

    /// Deletes points. A missing point is no error, because an earlier call may have deleted it. Ids that are neither
    /// UUIDs nor numbers are left out: no point has such an id, and Qdrant would refuse the whole call.
    pub async fn delete(&self, ids: &VectorIds) -> Result<(), Box<dyn Error + Send + Sync>> {
        let is_of_a_point = |id: &&VectorId| id.as_uuid().is_some() || id.as_number().is_some();
        let points: Vec<&VectorId> = ids.iter().filter(is_of_a_point).collect();
        if points.is_empty() {
            return Ok(());
        }
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
