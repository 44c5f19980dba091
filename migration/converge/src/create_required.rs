use std::path::{Path, PathBuf, absolute};

use crate::{Location, engine::Engine};

/// Where the migrations may make a required table themselves, with the required columns alone.
///
/// It belongs to the application, which does not start on a table that lacks its columns: so one is made
/// only where no application will make its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CreateRequired {
    /// Nowhere: without the application's table `up` stops.
    #[default]
    Nowhere,
    /// In whichever database is migrated.
    Anywhere,
    /// In the database of this name, of SQLite in this file, and in no other.
    In(String),
}

impl CreateRequired {
    /// Returns whether a required table may be made in this place.
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

/// Returns the path as SQLite shows it, also of a file that does not exist yet.
pub fn full_path(path: &Path) -> PathBuf {
    let whole = || path.canonicalize().ok();
    let folder = || {
        let folder = absolute(path).ok()?.parent()?.canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    whole().or_else(folder).unwrap_or_else(|| path.to_owned())
}
