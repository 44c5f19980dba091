use std::path::PathBuf;

use converge::WRITER;
use entity::audit::AuditError;
use sea_orm::sqlx;

use super::{dotenv::Damage, tls::Problem};
use crate::{DifferenceReport, Error, RemedyReport, Report};

/// An error that stopped a command: what failed and what was found. [`CliError::hint`] returns the next step.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(
        "no database is named: neither -u nor DATABASE_URL is given, in the environment or in a .env file"
    )]
    UrlMissing,

    #[error(
        "the database URL has {}; known are postgres, mysql (for MariaDB too) and sqlite",
        .0.as_ref().map_or("no scheme".to_owned(), |scheme| format!("the scheme {scheme:?}"))
    )]
    UnknownScheme(Option<String>),

    #[error("the value of -s or DATABASE_SCHEMA is a URL, not the name of a schema")]
    SchemaIsUrl,

    #[error("stdout could not be written: {0}")]
    Output(std::io::Error),

    #[error("the database URL cannot be read: {reason}")]
    UrlMalformed { reason: String, part: UrlPart },

    #[error("the parameter {parameter:?} of the database URL cannot be read: {reason}")]
    ParameterMalformed { parameter: String, reason: String },

    #[error("the database URL names no database")]
    DatabaseUnnamed,

    #[error("{0}")]
    Dotenv(Damage),

    #[error("{database} cannot be reached: {reason}")]
    Unreachable { database: String, reason: String },

    #[error("{database}: the server refused this user: {reason}")]
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
        "the parameter {0:?} of the database URL names a schema, and a database of MySQL has no schemas"
    )]
    NoSchemas(String),

    #[error(
        "{database}: the options of the URL set the search path {wanted:?}, and the server, or a pooler before it, \
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

    #[error("the database URL cannot name an SQLite file in this way: {0}")]
    FileMalformed(String),

    #[error("{database}: there is no such database")]
    DatabaseMissing { database: String },

    #[error("{database}: there is no such database, or this user has no right on it")]
    DatabaseHidden { database: String },

    #[error("{database}: this user has no right on the schema {schema:?}")]
    SchemaHidden { database: String, schema: String },

    #[error(
        "{database}: a schema cannot be named \"$user\", which PostgreSQL reads as the name of the user"
    )]
    SchemaOfUser { database: String },

    #[error("{database}: the schema {schema:?} is one of PostgreSQL's system schemas")]
    SchemaOfSystem { database: String, schema: String },

    #[error("{database}: there is no schema {schema:?}; found {}", found.join(", "))]
    SchemaMissing {
        database: String,
        schema: String,
        found: Vec<String>,
    },

    #[error("{database} cannot be opened: {reason}")]
    FileUnusable { database: String, reason: String },

    #[error("timed out after {seconds} s waiting to open {database}: it is in use by {WRITER}")]
    FileInUse { database: String, seconds: u64 },

    #[error("{database}: {reason}")]
    NoConnection { database: String, reason: String },

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

    #[error("{} already exists", .0.display())]
    IdsInTheWay(PathBuf),

    #[error("{} cannot be written: {reason}", file.display())]
    IdsUnsaved { file: PathBuf, reason: String },

    #[error(transparent)]
    Shape(#[from] crate::Error),

    /// A table or a column whose rows were to be read does not exist.
    #[error(transparent)]
    RowsUndefined(crate::Error),

    #[error("{} already contains files that `init` would overwrite", .0.display())]
    CrateExists(PathBuf),

    #[error("nothing was generated: {reason}")]
    Scaffold {
        reason: String,
        hint: Option<&'static str>,
    },
}

/// The part of a URL that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UrlPart {
    Form,
    Credentials,
    /// The part contains bytes that are not UTF-8.
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
                "percent-encode special characters in the user name and the password: %40 for @, %2F for /, %3F for ? and %23 for #"
            }
            Self::Encoding => {
                "write the user name, the password and the name of the database in UTF-8, and percent-encode its bytes"
            }
            Self::Host => "name the host; write an IPv6 address in brackets",
            Self::Port => "give a port from 1 to 65535, or none for the default port",
        }
    }
}

impl CliError {
    /// Returns the next step on the command line. An error of the library has one only if it needs an option or a
    /// subcommand, because the library does not name those.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Shape(
                Error::UnknownMigrations { .. }
                | Error::MigrationTable { .. }
                | Error::MigrationTableForm { .. },
            ) => Some(
                "give the records another table with --migration-table NAME or MIGRATION_TABLE=NAME",
            ),
            Self::Shape(Error::Converge(converge::Error::Locked { .. })) => {
                Some("run the command again later, or raise --lock-wait SECONDS to wait longer")
            }
            Self::Shape(Error::Converge(converge::Error::InUse { .. }))
            | Self::FileInUse { .. } => Some(
                "end that session or prepared transaction, or raise --lock-wait SECONDS to wait longer",
            ),
            Self::Shape(Error::Converge(converge::Error::Step { .. })) => {
                Some("fix the cause and run the command again")
            }
            Self::Plan { .. }
            | Self::Shape(
                Error::PlanDiffers { .. } | Error::Converge(converge::Error::Unplanned { .. }),
            ) => Some("save a new plan with `up --dry-run --save FILE` and review it"),
            Self::IdsInTheWay(_) | Self::PlanInTheWay(_) => {
                Some("name another file, or remove this one")
            }
            Self::Shape(Error::Converge(converge::Error::RewriteTooLarge { .. })) => Some(
                "choose a time when the sessions that the lock blocks can wait, provide disk space for a second copy of the table, and raise --max-rewrite SIZE",
            ),
            Self::Shape(Error::Converge(converge::Error::Refused {
                has_orphans: true, ..
            })) => Some(
                "to delete the rows without a document and keep their ids, run `repair --delete-orphans --ids-to FILE`",
            ),
            Self::RowsUndefined(_) => {
                Some("run `check`, which reports how the table differs from the declared shape")
            }
            Self::Shape(Error::Drifted { report }) => Some(hint_of_drift(report)),
            Self::Audit(AuditError::TemporaryFile { .. }) => {
                Some("free space in the folder, or name another one with TMPDIR")
            }
            Self::Dotenv(damage) => Some(damage.hint()),
            Self::UrlMalformed { part, .. } => Some(part.hint()),
            Self::ParameterMalformed { .. } => {
                Some("correct the value, or leave the parameter out")
            }
            Self::Tls { problem, .. } => Some(problem.hint()),
            Self::RootCertificate { .. } => Some("name a PEM file with the CA's certificate"),
            Self::SchemaInUrl(_) => Some(
                "name the schema with -s SCHEMA or DATABASE_SCHEMA, or add options=-csearch_path%3DSCHEMA to the URL",
            ),
            Self::NoSchemas(_) => Some("name the database: mysql://USER:PASSWORD@HOST/DATABASE"),
            Self::SearchPathLost { .. } | Self::NoSchema { .. } => {
                Some("name the schema with -s SCHEMA or DATABASE_SCHEMA")
            }
            Self::FileMalformed(_) => Some(
                "write sqlite://PATH, with %3F for ? and %25 for % in the path, and after a ? only the parameters mode, \
                 cache, immutable and vfs",
            ),
            Self::UrlMissing => {
                Some("set DATABASE_URL, for example to sqlite://colpali.db?mode=rwc")
            }
            Self::UnknownScheme(Some(scheme)) if scheme.contains('+') => {
                Some("remove the +DRIVER part from the scheme of a URL for SQLAlchemy")
            }
            Self::UnknownScheme(_) => Some(
                "write postgres://USER:PASSWORD@HOST/DATABASE, mysql://USER:PASSWORD@HOST/DATABASE or sqlite://PATH",
            ),
            Self::SchemaIsUrl => Some("name the database with -u, and the schema with -s"),
            Self::Output(_) => Some("free some space, or write the output to another place"),
            Self::DatabaseUnnamed => {
                Some("add it: mysql://USER:PASSWORD@HOST/DATABASE, sqlite://FILE")
            }
            Self::Unreachable { .. } => Some(
                "check that the server runs at this address and accepts connections from this machine",
            ),
            Self::Refused { .. } => Some(
                "check the user name, the password, and whether the server requires TLS (sslmode, MySQL: ssl-mode)",
            ),
            Self::NoConnection { .. } => Some(
                "end other sessions, or let the server and the role have more connections: a migrator uses up to two",
            ),
            Self::DatabaseMissing { .. } => {
                Some("create the database, or name another one with -u")
            }
            Self::DatabaseHidden { .. } => {
                Some("check the name, or run GRANT ALL ON the database TO the user")
            }
            Self::SchemaHidden { .. } => Some("grant the user USAGE and CREATE on this schema"),
            Self::SchemaOfUser { .. } | Self::SchemaOfSystem { .. } => {
                Some("name another schema with -s")
            }
            Self::SchemaMissing { .. } => {
                Some("create the schema (CREATE SCHEMA), or name another one with -s")
            }
            Self::FileUnusable { .. } => Some(
                "check that the path names an SQLite file, and the rights on it and on its folder, to which WAL mode \
                 writes; ?mode=rwc at the end of the URL lets `up` create the file, ?immutable=1 reads one that nobody writes",
            ),
            Self::CrateExists(_) => Some(
                "run `init` in an empty folder, or add a migration to this crate with `generate`",
            ),
            Self::Scaffold { hint, .. } => *hint,
            Self::DocumentMissing { .. } => Some("name the id of a document that exists"),
            Self::PointsFile { .. } => {
                Some("list the ids one a line, as JSON lines with an `id`, or as a JSON array")
            }
            Self::PlanUnsaved { .. } | Self::IdsUnsaved { .. } => {
                Some("name a file in a folder with room that this user may write to")
            }
            Self::Audit(_) | Self::Connection { .. } | Self::Shape(_) => None,
        }
    }
}

/// Returns the driver's message without the kind of error that the driver puts before it.
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

/// Returns what `repair` can do about differences that were found after all migrations were applied.
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
        0 => "`repair` cannot fix that: follow the next step in the message, then run `repair`",
        all if all == report.differences.len() => "`repair` fixes that",
        _ => {
            "`repair` fixes the differences that need no decision, and `check` shows those that need one"
        }
    }
}
