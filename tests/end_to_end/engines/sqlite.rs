use url::Url;

use super::{Failure, Server};

/// Creates a folder for the files; there is no server.
pub fn start() -> Result<Server, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("colpali-sqlite-")
        .tempdir()?;
    Ok(Server {
        admin: Url::parse(&format!("sqlite://{}", folder.path().display()))?,
        doors: Vec::new(),
        processes: Vec::new(),
        folders: vec![folder],
    })
}
