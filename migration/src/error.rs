use sea_orm::DbErr;

use crate::{
    Place,
    schema::{report::DifferenceReport, step::Plan},
};

/// Why a migration, a check or a repair stopped.
///
/// Through SeaORM's traits it arrives as [`DbErr::Migration`] with the same text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalog or the rows could not be read.
    #[error("could not look up {looked_for}: {}", explained(source))]
    Lookup {
        /// What was asked for.
        looked_for: String,
        /// What the server or the driver answered.
        source: DbErr,
    },

    /// The shape that is there cannot become the declared one without a decision. Nothing was changed.
    #[error("{place} cannot be brought to the declared shape, and nothing was changed: {}", reasons.join("; "))]
    Refused {
        /// Where it was looked.
        place: Place,
        /// What was found, each with its next step.
        reasons: Vec<String>,
    },

    /// A step failed. What was done before it stays, and the next run goes on from there.
    #[error(
        "could not run `{statements}`: {}. What was done before stays; run it again to go on",
        explained(source)
    )]
    Step {
        /// The statements of the step.
        statements: String,
        /// What the server or the driver answered.
        source: DbErr,
    },

    /// A step changed nothing.
    #[error(
        "`{last}` was run, and is still what has to be run. Compare with `check`, and do by hand what is left"
    )]
    NoEnd {
        /// The statements of the step.
        last: String,
    },
}

impl Error {
    pub(crate) fn looking_for(what: impl Into<String>) -> impl FnOnce(DbErr) -> Self {
        let looked_for = what.into();
        move |source| Self::Lookup { looked_for, source }
    }

    pub(crate) fn refused<'p>(place: Place, plans: impl Iterator<Item = &'p Plan>) -> Self {
        let reasons = plans
            .map(|plan| DifferenceReport::of(plan).to_string())
            .collect();
        Self::Refused { place, reasons }
    }
}

impl From<Error> for DbErr {
    fn from(error: Error) -> Self {
        DbErr::Migration(error.to_string())
    }
}

/// What the server or the driver said, without SeaORM's words around it, and the next step where one is known.
pub(crate) fn explained(error: &DbErr) -> String {
    let text = error.to_string();
    let around = [
        "Execution Error: ",
        "Query Error: ",
        "Connection Error: ",
        "error returned from database: ",
    ];
    let text = around.iter().fold(text.as_str(), |text, prefix| {
        text.strip_prefix(prefix).unwrap_or(text)
    });
    match next_step(&format!("{error:?}")) {
        Some(next_step) => format!("{text} ({next_step})"),
        None => text.to_owned(),
    }
}

/// By the code or the words that the server gave, wherever in the error they stand: the driver's own
/// type is there only with the driver's feature.
fn next_step(error: &str) -> Option<&'static str> {
    let known = [
        (
            "\"42501\"",
            "use a role that owns the tables, or grant it the right",
        ),
        (
            "\"57014\"",
            "where a statement_timeout of this role cut it: ALTER ROLE it SET statement_timeout = 0, or use another role",
        ),
        ("\"25006\"", "name the primary server: this one only reads"),
        (
            "attempt to write a readonly database",
            "make the file and its folder writable",
        ),
        (
            "database is locked",
            "somebody else is writing: try again when they are done",
        ),
    ];
    known
        .iter()
        .find(|(code, _)| error.contains(code))
        .map(|(_, next_step)| *next_step)
}
