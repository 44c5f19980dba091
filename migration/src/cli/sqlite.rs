//! The SQLite database that a URL names.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use converge::full_path;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;

use super::{
    environment::Url,
    error::{CliError, reason},
};

/// How long SQLite waits for a lock by itself. Afterwards the wait is reported and the statement is tried again.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// The name of SQLite's file system in memory. A database in it keeps its path as its name, and all connections of the
/// process share it.
const IN_MEMORY_UNDER_ITS_PATH: &str = "memdb";

/// An SQLite database and its storage.
#[derive(Clone)]
pub(super) struct Sqlite {
    options: SqliteConnectOptions,
    storage: Storage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Storage {
    File {
        may_be_created: bool,
    },
    /// A file that does not exist. An empty database in memory stands for it.
    AbsentFile(PathBuf),
    Memory,
}

impl Sqlite {
    pub(super) fn parse(url: &Url) -> Result<Self, CliError> {
        let (_, rest) = url.text.split_once(':').unwrap_or_default();
        let (path, parameters) = match rest.split_once('?') {
            Some((path, parameters)) => (path, parameters),
            None => (rest, ""),
        };
        let has = |parameter: &str| parameters.split('&').any(|one| one == parameter);
        let name = path.strip_prefix("//").unwrap_or(path);
        let after_slashes = rest.trim_start_matches('/');
        if rest.contains('@') && rest.contains("//") && after_slashes.contains(':') {
            let reason = "an SQLite file has no user and no password".to_owned();
            return Err(CliError::FileMalformed(reason));
        }
        let unreadable = |error| CliError::FileMalformed(reason(error));
        let options: SqliteConnectOptions = url.text.parse().map_err(unreadable)?;
        if name == ":memory:" || has("mode=memory") {
            let options = "sqlite::memory:".parse().map_err(unreadable)?;
            let storage = Storage::Memory;
            return Ok(Self { options, storage });
        }
        if name.trim_start_matches('/').is_empty() {
            return Err(CliError::DatabaseUnnamed);
        }
        if name.starts_with("file:") {
            let reason = "the path is a `file:` URI".to_owned();
            return Err(CliError::FileMalformed(reason));
        }
        let file = match &url.folder {
            Some(folder) => folder.join(options.get_filename()),
            None => options.get_filename().to_owned(),
        };
        Ok(Self {
            options: options.filename(file),
            storage: Storage::File {
                may_be_created: has("mode=rwc"),
            },
        })
    }

    /// Limits how long a connection waits for a lock of another connection.
    pub(super) fn waiting(self, lock_wait: Duration) -> Self {
        Self {
            options: self.options.busy_timeout(lock_wait.min(BUSY_TIMEOUT)),
            ..self
        }
    }

    /// Returns the database for reading only, which creates no file. A file that does not exist and may be created counts
    /// as an empty database.
    pub(super) fn read_only(self) -> Self {
        let options = self.options.create_if_missing(false);
        let file = full_path(options.get_filename());
        match self.storage {
            Storage::File {
                may_be_created: true,
            } if is_absent(&file) => Self {
                options: options
                    .filename(&file)
                    .create_if_missing(true)
                    .vfs(IN_MEMORY_UNDER_ITS_PATH),
                storage: Storage::AbsentFile(file),
            },
            storage => Self { options, storage },
        }
    }

    /// Returns the path of the file, if the file does not exist and an empty database stands for it.
    pub(super) fn absent_file(&self) -> Option<&Path> {
        match &self.storage {
            Storage::AbsentFile(file) => Some(file),
            Storage::File { .. } | Storage::Memory => None,
        }
    }

    pub(super) fn options(&self) -> &SqliteConnectOptions {
        &self.options
    }
}

/// Returns whether the file does not exist and its folder does.
fn is_absent(file: &Path) -> bool {
    !file.exists() && file.parent().is_some_and(Path::is_dir)
}

impl fmt::Display for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.storage {
            Storage::Memory => f.write_str("SQLite database in memory"),
            Storage::File { .. } | Storage::AbsentFile(_) => {
                let file = full_path(self.options.get_filename());
                write!(f, "SQLite file {}", file.display())
            }
        }
    }
}
