use std::fmt;

use super::Point;
use crate::{ParseVectorIdsError, VectorId};

/// A finding of an audit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A row's value cannot be read, so its ids are not known.
    Unreadable {
        /// The row.
        row: Row,
        /// The fault of the value.
        fault: Fault,
    },
    /// A row's list of ids is empty.
    Empty {
        /// The row.
        row: Row,
    },
    /// A row's page is a negative number.
    NegativePage {
        /// The row.
        row: Row,
    },
    /// An id is recorded twice for one page.
    TwiceInPage {
        /// The id.
        id: VectorId,
        /// The page.
        page: PageKey,
    },
    /// An id is recorded for two pages.
    InTwoPages {
        /// The id.
        id: VectorId,
        /// Both pages.
        pages: [PageKey; 2],
    },
    /// A document has no page.
    WithoutPages {
        /// The document.
        doc_id: i32,
    },
    /// A point of the vector store is in no row that can be read.
    Stray {
        /// The point.
        point: Point,
    },
    /// An id of a row is not a point of the vector store.
    Missing {
        /// The id.
        id: VectorId,
        /// A page for which it is recorded.
        page: PageKey,
    },
}

/// A row of `vectors`, as far as its numbers can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Its `id`.
    pub id: Option<i32>,
    /// Its `doc_id`.
    pub doc_id: Option<i32>,
    /// Its `page`.
    pub page: Option<i32>,
}

/// A page of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageKey {
    /// The document.
    pub doc_id: i32,
    /// The page's number in it.
    pub page: i32,
}

/// The position at which a value cannot be read, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The column.
    pub column: &'static str,
    /// The position in the value, counted in bytes from 0.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
    /// The beginning of what was found there.
    pub found: String,
}

impl From<ParseVectorIdsError> for Fault {
    fn from(error: ParseVectorIdsError) -> Self {
        Self {
            column: super::rows::VECTOR_IDS,
            at: error.at(),
            expected: error.expected(),
            found: error.found().to_owned(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            column,
            at,
            expected,
            found,
        } = self;
        write!(
            f,
            "{column}: expected {expected} at byte {at}, found {found}"
        )
    }
}

impl fmt::Display for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {} of document {}", self.page, self.doc_id)
    }
}

/// What cannot be read is shown as `?`.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |number: Option<i32>| number.map_or("?".to_owned(), |number| number.to_string());
        write!(
            f,
            "row {}, page {} of document {}",
            shown(self.id),
            shown(self.page),
            shown(self.doc_id)
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { row, fault } => write!(f, "{row}: {fault}"),
            Self::Empty { row } => write!(f, "{row} has an empty list of ids"),
            Self::NegativePage { row } => write!(f, "{row} has a negative page"),
            Self::TwiceInPage { id, page } => write!(f, "{id} is recorded twice for {page}"),
            Self::InTwoPages {
                id,
                pages: [first, second],
            } => write!(f, "{id} is recorded for {first} and for {second}"),
            Self::WithoutPages { doc_id } => write!(f, "document {doc_id} has no page"),
            Self::Stray { point } => write!(f, "the point {point} is named by no row"),
            Self::Missing { id, page } => write!(f, "{id} of {page} is no point of the store"),
        }
    }
}
