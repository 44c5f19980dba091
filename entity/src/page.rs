use serde::{Deserialize, Serialize};

use crate::{Error, VectorId, VectorIds};

/// A page of a document with its ids in the vector store.
///
/// ```
/// use entity::{Page, VectorIds};
///
/// let page = Page::new(1, ["0f8fad5bd9cb469fa16570867728950e", "7c9e6679742540de944be07fc1f90ae7"]);
/// assert_eq!(page.number, 1);
/// assert_eq!(page.ids.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The page number in the document, 0 or more.
    pub number: i32,
    /// The ids, in the order in which they were recorded.
    pub ids: VectorIds,
}

impl Page {
    /// Returns a page with this number and these ids.
    pub fn new(number: i32, ids: impl IntoIterator<Item = impl Into<VectorId>>) -> Self {
        Self {
            number,
            ids: ids.into_iter().collect(),
        }
    }

    /// Returns the page, or several pages of the same number with a part of the ids each if the
    /// text of all ids is longer than `bytes`.
    pub(crate) fn in_rows(self, bytes: usize) -> Vec<Self> {
        let number = self.number;
        let rows = self.ids.in_texts(bytes).into_iter();
        rows.map(|ids| Self { number, ids }).collect()
    }

    pub(crate) fn require_valid(&self, doc_id: i32) -> Result<(), Error> {
        let page = self.number;
        if self.ids.is_empty() {
            return Err(Error::NoIds { doc_id, page });
        }
        require_page(doc_id, page)
    }

    /// Joins rows of the same page, which follow each other, into one page.
    pub(crate) fn gather(rows: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut pages: Vec<Self> = Vec::new();
        for row in rows {
            match pages.last_mut().filter(|last| last.number == row.number) {
                Some(last) => last.ids.extend(row.ids),
                None => pages.push(row),
            }
        }
        pages
    }
}

pub(crate) fn require_page(doc_id: i32, page: i32) -> Result<(), Error> {
    match page {
        0.. => Ok(()),
        _ => Err(Error::NegativePage { doc_id, page }),
    }
}
