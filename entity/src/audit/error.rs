use std::{io, path::PathBuf};

use sea_orm::DbErr;

/// The reason why an audit stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The rows could not be read.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// The ids could not be kept in a temporary file.
    #[error("a temporary file in {} failed: {source}", folder.display())]
    TemporaryFile {
        /// The folder of the file.
        folder: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The points could not be listed.
    #[error("the points cannot be listed: {0}")]
    Points(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread that compares could not be started, or has ended before its work was done.
    #[error("the thread that compares the ids has ended: {0}")]
    Thread(io::Error),
}
