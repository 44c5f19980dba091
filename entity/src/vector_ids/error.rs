/// A text that is no list of vector ids.
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

    /// Where in the text, counted in bytes from 0.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What could have stood there.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// What stands there, its first letters.
    pub fn found(&self) -> &str {
        &self.found
    }
}

/// The beginning of what may be megabytes long.
fn excerpt(text: &str, at: usize) -> String {
    const LENGTH: usize = 40;
    let rest = text.get(at..).unwrap_or_default();
    match rest.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{:?}…", &rest[..end]),
        None if rest.is_empty() => "the end".to_owned(),
        None => format!("{rest:?}"),
    }
}
