use std::path::{Path, PathBuf, absolute};

use sea_orm::DbBackend;

use crate::Place;

/// Where the migrations may make a `documents` of their own, with the column `id` alone.
///
/// It belongs to the application, which does not start on a table that lacks its columns: so it is made
/// only where there will be no application with a `documents` of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CreateDocuments {
    /// Nowhere: without the application's table `up` stops.
    #[default]
    Nowhere,
    /// In whichever database is migrated.
    Anywhere,
    /// In the database of this name, of SQLite in this file, and in no other.
    In(String),
}

impl CreateDocuments {
    pub(crate) fn allows(&self, backend: DbBackend, place: &Place) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Anywhere => true,
            Self::In(name) if backend == DbBackend::Sqlite => {
                full(Path::new(name)) == full(Path::new(&place.database))
            }
            Self::In(name) => *name == place.database,
        }
    }
}

/// The path as SQLite shows it, also of a file that is not there yet.
pub(crate) fn full(path: &Path) -> PathBuf {
    let whole = || path.canonicalize().ok();
    let folder = || {
        let folder = absolute(path).ok()?.parent()?.canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    whole().or_else(folder).unwrap_or_else(|| path.to_owned())
}
