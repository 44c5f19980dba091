use url::Url;

use super::{Failure, Server};

/// No server: a folder for the files.
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
