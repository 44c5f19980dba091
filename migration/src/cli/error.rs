use std::path::PathBuf;

use sea_orm::{DbErr, sqlx};

/// Why the command was not carried out: what was looked for, what was found, and the next step.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(
        "no database is named: neither -u nor DATABASE_URL is given, in the environment or in a .env file. \
         Set DATABASE_URL, for example to sqlite://colpali.db?mode=rwc"
    )]
    UrlMissing,

    #[error(
        "the database URL has the scheme {0:?}; known are postgres, mysql (for MariaDB too) and sqlite. \
         A URL of SQLAlchemy loses its +DRIVER part here"
    )]
    UnknownScheme(String),

    #[error("the database URL cannot be read: {0}. Percent-encode what is special in the password")]
    UrlMalformed(#[source] sqlx::Error),

    #[error(
        "the database URL names a server and no database. Add it: mysql://USER:PASSWORD@HOST/DATABASE"
    )]
    DatabaseUnnamed,

    #[error("the file .env cannot be read: {0}")]
    Dotenv(#[source] dotenvy::Error),

    #[error(
        "{database} cannot be reached: {reason}. Check that the server runs there and may be reached from here"
    )]
    Unreachable { database: String, reason: String },

    #[error(
        "{database}: the server did not let this user in: {reason}. Check the user name and the password"
    )]
    Refused { database: String, reason: String },

    #[error("{database}: there is no such database. Create it, or name another with -u")]
    DatabaseMissing { database: String },

    #[error(
        "{database}: there is no schema {schema:?}; found {}. \
         Create it (CREATE SCHEMA), or name another with -s",
        found.join(", ")
    )]
    SchemaMissing {
        database: String,
        schema: String,
        found: Vec<String>,
    },

    #[error(
        "{database} cannot be opened: {reason}. \
         Check the path and its rights; ?mode=rwc at the end of the URL creates the file"
    )]
    FileUnusable { database: String, reason: String },

    #[error("{database}: {reason}")]
    Connection { database: String, reason: String },

    #[error("{}", text(.0))]
    Migration(#[from] DbErr),

    #[error(transparent)]
    Shape(#[from] crate::Error),

    #[error(
        "{} holds a crate already, which `init` would overwrite. Run it in an empty folder, \
         or add a migration to this crate with `generate`",
        .0.display()
    )]
    CrateExists(PathBuf),

    #[error("no migration was generated: {0}")]
    Scaffold(String),
}

impl CliError {
    pub(super) fn unknown_scheme(scheme: &str) -> Self {
        Self::UnknownScheme(scheme.to_owned())
    }
}

/// Our own errors arrive in SeaORM's, whose prefix says nothing to an operator.
fn text(error: &DbErr) -> String {
    match error {
        DbErr::Migration(text) | DbErr::Custom(text) => text.clone(),
        error => error.to_string(),
    }
}
