//! The shape that is declared, the shape that is there, and what makes the one from the other.

pub(crate) mod declared;
pub(crate) mod documents;
pub(crate) mod live;
pub(crate) mod vectors;
