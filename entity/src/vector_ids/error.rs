/// An error of a text that is not a list of vector ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("vectors.vector_ids: expected {expected} at byte {at}, found {found}")]
pub struct ParseVectorIdsError {
    expected: &'static str,
    at: usize,
    found: String,
}

impl ParseVectorIdsError {
    pub(super) fn new(expected: &'static str, text: &str, at: usize) -> Self {
        Self {
            expected,
            at,
            found: excerpt(text, at),
        }
    }

    /// Returns the position in the text, in bytes from 0.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Returns what was expected at the position.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// Returns the first letters of what was found at the position.
    pub fn found(&self) -> &str {
        &self.found
    }
}

/// Returns the beginning of a text that may be megabytes long.
fn excerpt(text: &str, at: usize) -> String {
    const LENGTH: usize = 40;
    let rest = text.get(at..).unwrap_or_default();
    match rest.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{:?}…", &rest[..end]),
        None if rest.is_empty() => "the end".to_owned(),
        None => format!("{rest:?}"),
    }
}
