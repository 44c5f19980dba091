use super::{Failure, Server};

/// No server: a folder for the files.
pub fn start() -> Result<Server, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("colpali-sqlite-")
        .tempdir()?;
    Ok(Server {
        admin_url: "sqlite::memory:".to_owned(),
        base: format!("sqlite://{}", folder.path().display()),
        process: None,
        _folder: Some(folder),
    })
}
