//! Brings the tables of a database to the shape that SeaORM migrations declare, and proves it.
//!
//! A migration [declares](Declares) its tables in SeaQuery. The engine inspects what is there, compares both,
//! plans the steps that lose and invent no data, runs the first one and inspects again, until nothing differs. It
//! knows no table of its own.
//!
//! Modules import downwards only, in this order: [`model`](Place) and types; [`declare`](Shape); sessions and
//! errors of the server; inspection; facts; diff; plan; lock and apply; converge.

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
pub use create_required::{CreateRequired, full_path};
pub use declare::{Declaration, DeclarationError, Declares, Shape};
pub use engine::Engine;
pub use error::{Error, Work};
pub use inspect::{
    Case, Relation, case_of_tables, location, referrers_elsewhere, relations, tables,
};
pub use lock::{BETWEEN_TRIES, MigrationLock, WRITER, at_work};
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
    explained, is_in_use, is_lost_race, is_recorded_already, is_referred_to, is_rolled_back,
};
pub use session::End;
pub use wait::{Next, Wait};
