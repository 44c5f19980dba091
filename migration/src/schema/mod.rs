//! The shape that is declared, the shape that is there, the differences between them, and what is
//! done about each.

pub(crate) mod cascade;
pub(crate) mod converge;
pub(crate) mod declared;
pub(crate) mod difference;
pub(crate) mod live;
pub(crate) mod own_documents;
pub(crate) mod purge;
pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod step;
