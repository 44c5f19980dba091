use std::{fmt, str::FromStr};

use sea_orm::DeriveValueType;

/// The vector ids of a page, kept in the column `vectors.vector_ids` as a JSON array of strings.
///
/// The text is the one that the Python application reads and writes with `json.loads` and
/// `json.dumps`.
///
/// ```
/// use entity::VectorIds;
///
/// let ids: VectorIds = r#"["0f8fad5bd9cb469fa16570867728950e", "7c9e6679742540de944be07fc1f90ae7"]"#.parse()?;
/// assert_eq!(ids.len(), 2);
/// assert_eq!(ids.iter().next(), Some("0f8fad5bd9cb469fa16570867728950e"));
///
/// let error = "not ids".parse::<VectorIds>().unwrap_err();
/// assert!(error.to_string().starts_with("vectors.vector_ids: "));
/// # Ok::<(), entity::ParseVectorIdsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, DeriveValueType)]
#[sea_orm(value_type = "String", column_type = "Text")]
pub struct VectorIds(Vec<String>);

impl VectorIds {
    /// The number of ids.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the page has no id.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids in the order in which they were written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<S> for VectorIds {
    fn from_iter<I: IntoIterator<Item = S>>(ids: I) -> Self {
        Self(ids.into_iter().map(Into::into).collect())
    }
}

impl IntoIterator for VectorIds {
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Writes the JSON array.
impl fmt::Display for VectorIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&json)
    }
}

/// Reads the JSON array; any other text is an error, never an empty list.
impl FromStr for VectorIds {
    type Err = ParseVectorIdsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
            .map(Self)
            .map_err(|source| ParseVectorIdsError {
                found: excerpt(text),
                source,
            })
    }
}

/// A text that is not a JSON array of vector ids.
#[derive(Debug, thiserror::Error)]
#[error("vectors.vector_ids: expected a JSON array of strings, found {found:?}: {source}")]
pub struct ParseVectorIdsError {
    found: String,
    source: serde_json::Error,
}

/// The beginning of a text that may be megabytes long.
fn excerpt(text: &str) -> String {
    const LENGTH: usize = 40;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
