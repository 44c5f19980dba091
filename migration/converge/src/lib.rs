//! Brings the tables of a database to the shape that SeaORM migrations declare, and proves it.
//!
//! The engine names no table of its own. Its concepts:
//!
//! - **Declaration**: a migration [declares](Declares) its tables in SeaQuery. A [`Shape`] is the
//!   sum of the declarations up to a migration.
//! - **Inspection**: the tables are read from the database's catalog ([`inspect`](fn@inspect)), in
//!   one transaction.
//! - **Change**: a difference between the declared and the current shape. It is found by a pure
//!   function over both and, if it depends on rows, over counts of rows.
//! - **Plan**: the response to a change. It is a list of steps that lose and invent no data, each
//!   with its lock, or the reason why there is none: a manual decision, or another change that has
//!   to come first.
//! - **Lock**: only the session that holds the [`MigrationLock`] changes a database.
//!
//! [`converge`](fn@converge) runs the first step of the first change and inspects again, until
//! nothing differs. [`check`] compares and changes nothing. [`script`](mod@script) generates the
//! same steps as a script.
//!
//! ```
//! use converge::{Declaration, Declares, Shape};
//! use sea_orm_migration::{prelude::*, schema::*};
//!
//! struct CreateNotes;
//!
//! impl Declares for CreateNotes {
//!     fn declare(shape: &mut Shape) {
//!         shape.table(Table::create().table("notes").col(pk_auto("id")).col(text("body")));
//!     }
//! }
//!
//! let all = [Declaration {
//!     name: "m20270101_000000_create_notes".to_owned(),
//!     declare: CreateNotes::declare,
//! }];
//! let shape = Shape::at(&all, 1)?;
//! assert_eq!(shape.own_tables().collect::<Vec<_>>(), ["notes"]);
//! # Ok::<(), converge::DeclarationError>(())
//! ```
//!
//! # Features
//!
//! | feature | effect |
//! |---|---|
//! | `recording` | for tests: writes and reads inspections as JSON |
//!
//! # Errors
//!
//! Functions return an [`Error`]. Completed steps are kept, and the next run goes on after them.
//!
//! # Modules
//!
//! Modules import downwards only, in this order: [`model`](Location) and types; [`declare`](Shape);
//! sessions and errors of the server; inspection; facts; diff; plan; lock and apply; converge.

mod apply;
mod cascade;
mod citus;
mod clear;
mod converge;
mod create;
mod create_required;
mod declare;
mod diff;
mod engine;
mod error;
mod facts;
mod foresee;
mod inspect;
mod lock;
mod model;
mod orphans;
mod patience;
mod plan;
mod preview;
mod provisional;
mod purge;
mod query;
#[cfg(feature = "recording")]
pub mod recording;
mod report;
mod required;
mod rewrite;
mod roll_back;
pub mod script;
mod server_error;
pub mod session;
mod simulated;
pub mod sql;
mod types;
mod wait;

pub use apply::Done;
pub use clear::{Clearing, Contents, drop_all, how_many};
pub use converge::{
    Converged, Current, Failed, Refusal, check, converge, delete_orphans, differs_in_catalog,
    inspect,
};
pub use create::DYNAMIC_ROWS;
pub use create_required::{CreateRequired, full_path};
pub use declare::{Declaration, DeclarationError, Declares, Shape};
pub use engine::Engine;
pub use error::{Error, Work};
pub use inspect::{
    Case, Relation, case_of_tables, location, referrers_elsewhere, relations, tables,
};
pub use lock::{BETWEEN_TRIES, MigrationLock, SecondConnection, WRITER, at_work};
pub use model::Location;
pub use orphans::{Handover, Orphan, OrphanSink, OrphanValue, Orphans};
pub use preview::Previewed;
pub use query::{has_rows, list, rows};
pub use report::{
    AtWork, DifferenceReport, ElementReport, ElementState, Migrator, RemedyReport, Report,
    Rewrites, StepReport, UnknownReport,
};
pub use rewrite::{OrphansFirst, require_small_rewrites};
pub use roll_back::{Record, roll_back};
pub use server_error::{
    explained, is_commit_unknown, is_in_use, is_lost_race, is_recorded_already, is_referred_to,
    is_rolled_back, is_undefined,
};
pub use session::End;
pub use wait::{Next, Wait};
