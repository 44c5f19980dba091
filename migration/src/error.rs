use sea_orm::DbErr;

use crate::Place;

/// Why a migration stopped. Nothing that it would have built on this was touched.
///
/// Through SeaORM's traits it arrives as [`DbErr::Migration`] with the same text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalog could not be read.
    #[error("could not look up {looked_for}: {source}")]
    Lookup {
        /// What the catalog was asked for.
        looked_for: String,
        /// What the server or the driver answered.
        source: DbErr,
    },

    /// There are tables, but not the one that `vectors` refers to.
    #[error(
        "looked for the table \"documents\" in {place}, found {}. \
         Name the database and schema that hold it (-u, -s), or create it there first: \
         it belongs to the application",
        listed(found)
    )]
    DocumentsMissing {
        /// Where it was looked for.
        place: Place,
        /// The tables and views that are there.
        found: Vec<String>,
    },

    /// What is called `documents` cannot carry the foreign key.
    #[error(
        "the foreign key of \"vectors\" needs a table \"documents\" whose \"id\" is a 32-bit signed \
         integer and a key; in {place} {found}. {next_step}"
    )]
    DocumentsUnfit {
        /// Where it was found.
        place: Place,
        /// What was found instead.
        found: String,
        /// What to do about it.
        next_step: &'static str,
    },

    /// What is called `vectors` is not a table of this database.
    #[error(
        "looked for a table \"vectors\" in {place}, found a {found} of that name. \
         Rename or drop it, then run `up` again"
    )]
    NotATable {
        /// Where it was found.
        place: Place,
        /// What it is.
        found: String,
    },
}

impl Error {
    pub(crate) fn looking_for(what: impl Into<String>) -> impl FnOnce(DbErr) -> Self {
        let looked_for = what.into();
        move |source| Self::Lookup { looked_for, source }
    }
}

impl From<Error> for DbErr {
    fn from(error: Error) -> Self {
        DbErr::Migration(error.to_string())
    }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("{name:?}"))
        .collect();
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}
