use std::path::{Path, PathBuf, absolute};

use crate::{Location, engine::Engine};

/// Where the migrations may create a missing required table, with only the required columns.
///
/// The table belongs to the application, which does not start on a table that lacks its columns. So
/// it is created only where no application will create its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CreateRequired {
    /// Nowhere: without the application's table `up` stops.
    #[default]
    Nowhere,
    /// In any database that is migrated.
    Anywhere,
    /// Only in the database of this name (SQLite: in this file).
    In(String),
}

impl CreateRequired {
    /// Returns whether a required table may be created in this location.
    pub fn allows(&self, backend: Engine, location: &Location) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Anywhere => true,
            Self::In(name) if backend == Engine::Sqlite => {
                full_path(Path::new(name)) == full_path(Path::new(&location.database))
            }
            Self::In(name) => *name == location.database,
        }
    }
}

/// Returns the path as SQLite shows it, even of a file that does not exist yet.
pub fn full_path(path: &Path) -> PathBuf {
    let whole = || path.canonicalize().ok();
    let folder = || {
        let folder = absolute(path).ok()?.parent()?.canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    whole().or_else(folder).unwrap_or_else(|| path.to_owned())
}
