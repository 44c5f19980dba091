use std::path::PathBuf;

use converge::WRITER;
use entity::audit::AuditError;
use sea_orm::sqlx;

use super::{dotenv::Damage, tls::Problem};
use crate::{DifferenceReport, Error, RemedyReport, Report};

/// Why the command was not carried out: what was looked for, what was found, and the next step.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(
        "no database is named: neither -u nor DATABASE_URL is given, in the environment or in a .env file. \
         Set DATABASE_URL, for example to sqlite://colpali.db?mode=rwc"
    )]
    UrlMissing,

    #[error(
        "the database URL has {}; known are postgres, mysql (for MariaDB too) and sqlite. \
         Remove the +DRIVER part of a URL of SQLAlchemy",
        .0.as_ref().map_or("no scheme".to_owned(), |scheme| format!("the scheme {scheme:?}"))
    )]
    UnknownScheme(Option<String>),

    #[error("the schema that is named (-s, DATABASE_SCHEMA) is a URL. Name the database with -u")]
    SchemaIsUrl,

    #[error("stdout could not be written: {0}. Free some space, or write to another place")]
    Output(std::io::Error),

    #[error("the database URL cannot be read: {reason}")]
    UrlMalformed { reason: String, part: UrlPart },

    #[error("the parameter {parameter:?} of the database URL cannot be read: {reason}")]
    ParameterMalformed { parameter: String, reason: String },

    #[error(
        "the database URL names no database. Add it: mysql://USER:PASSWORD@HOST/DATABASE, sqlite://FILE"
    )]
    DatabaseUnnamed,

    #[error("{0}")]
    Dotenv(Damage),

    #[error(
        "{database} cannot be reached: {reason}. Check that the server runs there and accepts connections from here"
    )]
    Unreachable { database: String, reason: String },

    #[error(
        "{database}: the server refused this user: {reason}. \
         Check the user name, the password, and whether the server requires TLS (sslmode, MySQL: ssl-mode)"
    )]
    Refused { database: String, reason: String },

    #[error("{database}: no TLS connection: {reason}")]
    Tls {
        database: String,
        reason: String,
        problem: Problem,
    },

    #[error("the file {} of the database URL cannot be used to verify the server: {reason}", file.display())]
    RootCertificate { file: PathBuf, reason: String },

    #[error(
        "the parameter {0:?} of the database URL names a schema, and PostgreSQL's driver does not read it"
    )]
    SchemaInUrl(String),

    #[error(
        "the parameter {0:?} of the database URL names a schema, and MySQL has none in a database"
    )]
    NoSchemas(String),

    #[error(
        "{database}: the options of the URL ask for the search path {wanted:?}, and the server, or a pooler before it, \
         has set {found:?}"
    )]
    SearchPathLost {
        database: String,
        wanted: String,
        found: String,
    },

    #[error("{database}: the search path {search_path:?} names no schema")]
    NoSchema {
        database: String,
        search_path: String,
    },

    #[error("the SQLite file in the database URL cannot be named so: {0}")]
    FileMalformed(String),

    #[error("{database}: there is no such database. Create it, or name another with -u")]
    DatabaseMissing { database: String },

    #[error(
        "{database}: there is no such database, or this user has no right on it. \
         Check the name, or GRANT ALL ON it TO the user"
    )]
    DatabaseHidden { database: String },

    #[error(
        "{database}: this user has no right on the schema {schema:?}. GRANT USAGE, CREATE ON SCHEMA it TO the user"
    )]
    SchemaHidden { database: String, schema: String },

    #[error("{database}: the schema {schema:?} is PostgreSQL's own. Name another with -s")]
    SchemaOfSystem { database: String, schema: String },

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
         Check the path and its rights; with ?mode=rwc at the end of the URL `up` creates the file"
    )]
    FileUnusable { database: String, reason: String },

    #[error("timed out after {seconds} s waiting to open {database}: it is in use by {WRITER}")]
    FileInUse { database: String, seconds: u64 },

    #[error("{database}: {reason}")]
    Connection { database: String, reason: String },

    #[error("{} cannot be used as a plan: {problem}", file.display())]
    Plan {
        file: PathBuf,
        problem: super::plan_file::Problem,
    },

    #[error("the plan was not saved: {} exists and is not a plan", .0.display())]
    PlanInTheWay(PathBuf),

    #[error("the plan was not saved in {}: {reason}", file.display())]
    PlanUnsaved { file: PathBuf, reason: String },

    #[error(transparent)]
    Audit(AuditError),

    #[error("there is no document {doc_id}")]
    DocumentMissing { doc_id: i32 },

    #[error("the points cannot be listed: {}: {reason}", file.display())]
    PointsFile { file: PathBuf, reason: String },

    #[error("{} is there already", .0.display())]
    IdsInTheWay(PathBuf),

    #[error("{} cannot be written: {reason}", file.display())]
    IdsUnsaved { file: PathBuf, reason: String },

    #[error(transparent)]
    Shape(#[from] crate::Error),

    #[error(
        "{} holds files already, which `init` would overwrite. Run it in an empty folder, \
         or add a migration to this crate with `generate`",
        .0.display()
    )]
    CrateExists(PathBuf),

    #[error("nothing was generated: {0}")]
    Scaffold(String),
}

/// The part of a URL that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UrlPart {
    Form,
    Credentials,
    /// It holds bytes that are no text of UTF-8.
    Encoding,
    Host,
    Port,
}

impl UrlPart {
    fn hint(self) -> &'static str {
        match self {
            Self::Form => {
                "write it like postgres://USER:PASSWORD@HOST/DATABASE, mysql://USER:PASSWORD@HOST/DATABASE or sqlite://FILE"
            }
            Self::Credentials => {
                "percent-encode what is special in the user name and the password: %40 for @, %2F for /, %3F for ? and %23 for #"
            }
            Self::Encoding => {
                "percent-encode the bytes of UTF-8 in the user name, the password and the name of the database"
            }
            Self::Host => "name the host; an address of IPv6 stands in brackets",
            Self::Port => "give a port from 1 to 65535, or none for the usual one",
        }
    }
}

impl CliError {
    /// What the next step is called on the command line, where the error is the library's.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Shape(
                Error::UnknownMigrations { .. }
                | Error::MigrationTable { .. }
                | Error::MigrationTableForm { .. },
            ) => {
                Some("--migration-table NAME and MIGRATION_TABLE=NAME name a table for the records")
            }
            Self::Shape(Error::Converge(
                converge::Error::Locked { .. } | converge::Error::InUse { .. },
            ))
            | Self::FileInUse { .. } => Some("--lock-wait SECONDS says how long to wait"),
            Self::Plan { .. }
            | Self::Shape(
                Error::PlanDiffers { .. } | Error::Converge(converge::Error::Unplanned { .. }),
            ) => Some("`up --dry-run --save FILE` saves a new plan to review"),
            Self::IdsInTheWay(_) | Self::PlanInTheWay(_) => {
                Some("name another file, or remove that one")
            }
            Self::Shape(Error::Converge(converge::Error::RewriteTooLarge { .. })) => Some(
                "run it when the sessions that the lock blocks can wait, with a higher --max-rewrite SIZE and disk space for another copy of the table",
            ),
            Self::Shape(Error::Drifted { report }) => Some(hint_of_drift(report)),
            Self::Audit(AuditError::TemporaryFile { .. }) => {
                Some("give the folder room, or name another with TMPDIR")
            }
            Self::Dotenv(damage) => Some(damage.hint()),
            Self::UrlMalformed { part, .. } => Some(part.hint()),
            Self::ParameterMalformed { .. } => {
                Some("give it a value that it can have, or leave it out")
            }
            Self::Tls { problem, .. } => Some(problem.hint()),
            Self::RootCertificate { .. } => Some("name a file of PEM with the CA's certificate"),
            Self::SchemaInUrl(_) => Some(
                "name it with -s SCHEMA or DATABASE_SCHEMA, or add options=-csearch_path%3DSCHEMA to the URL",
            ),
            Self::NoSchemas(_) => Some("name the database: mysql://USER:PASSWORD@HOST/DATABASE"),
            Self::SearchPathLost { .. } | Self::NoSchema { .. } => {
                Some("name the schema with -s SCHEMA or DATABASE_SCHEMA")
            }
            Self::FileMalformed(_) => Some(
                "write sqlite://PATH, with %3F for ? and %25 for % in the path, and behind a ? only mode, cache, \
                 immutable and vfs",
            ),
            _ => None,
        }
    }
}

/// What the driver says, without the kind of error that it calls it.
pub(super) fn reason(error: sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(source) | sqlx::Error::Tls(source) => {
            match source.downcast::<sqlx::Error>() {
                Ok(source) => reason(*source),
                Err(source) => source.to_string(),
            }
        }
        sqlx::Error::Io(source) => source.to_string(),
        sqlx::Error::Database(answer) => answer.message().to_owned(),
        error => error.to_string(),
    }
}

/// What `repair` does about it.
fn hint_of_drift(report: &Report) -> &'static str {
    let is_repaired = |one: &DifferenceReport| match one.remedy {
        RemedyReport::Repair { .. } | RemedyReport::BlockedBy { .. } => true,
        RemedyReport::DeleteOrphans { .. } | RemedyReport::Manual { .. } => false,
    };
    let repaired = report
        .differences
        .iter()
        .filter(|one| is_repaired(one))
        .count();
    match repaired {
        0 => "`repair` cannot fix that: do what it says, then run `repair`",
        all if all == report.differences.len() => "`repair` fixes that",
        _ => "`repair` fixes what needs no decision, and `check` shows what does",
    }
}
