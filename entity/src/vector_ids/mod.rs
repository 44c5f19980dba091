mod blocks;
mod error;
mod id;
#[cfg(feature = "qdrant")]
mod qdrant;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::{collections::HashSet, fmt, ops::Deref, slice, str::FromStr, vec};

use sea_orm::DeriveValueType;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

pub use error::ParseVectorIdsError;
pub use id::{OpaqueId, VectorId};

/// The vector ids of a page, in the order in which they were recorded.
///
/// The column `vectors.vector_ids` stores them as a JSON array, UUIDs in 32 digits, as the Python
/// application writes it with `json.dumps(…, ensure_ascii=False)`. Other forms are read too: UUIDs
/// with hyphens or capitals, numbers, other names, and the comma-separated values of older writers.
/// Reading and writing a list again loses nothing that identifies a point.
///
/// ```
/// use entity::{VectorId, VectorIds};
///
/// let ids: VectorIds = r#"["0F8FAD5B-D9CB-469F-A165-70867728950E", 7, "chunk 1"]"#.parse()?;
/// assert_eq!(ids.len(), 3);
/// assert!(ids.contains(&VectorId::from(7)));
/// assert_eq!(ids.to_string(), r#"["0f8fad5bd9cb469fa16570867728950e", 7, "chunk 1"]"#);
///
/// let error = r#"["0f8fad5bd9cb469fa16570867728950e", null]"#.parse::<VectorIds>().unwrap_err();
/// assert_eq!(error.at(), 37);
/// # Ok::<(), entity::ParseVectorIdsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, DeriveValueType)]
#[sea_orm(
    value_type = "String",
    column_type = "Text",
    to_str = "VectorIds::to_json"
)]
pub struct VectorIds(Vec<VectorId>);

impl VectorIds {
    /// Returns an empty list.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns an empty list with room for this many ids.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Appends an id.
    ///
    /// ```
    /// use entity::VectorIds;
    ///
    /// let mut ids = VectorIds::default();
    /// ids.push("0f8fad5bd9cb469fa16570867728950e");
    /// ids.push(7_u64);
    /// assert_eq!(ids.to_string(), r#"["0f8fad5bd9cb469fa16570867728950e", 7]"#);
    /// ```
    pub fn push(&mut self, id: impl Into<VectorId>) {
        self.0.push(id.into());
    }

    /// Keeps only the ids for which `keep` returns true, in their order.
    ///
    /// ```
    /// use entity::{VectorId, VectorIds};
    ///
    /// let mut ids = VectorIds::from(["a", "b"]);
    /// ids.retain(|id| *id != VectorId::from("a"));
    /// assert_eq!(ids, [VectorId::from("b")]);
    /// ```
    pub fn retain(&mut self, keep: impl FnMut(&VectorId) -> bool) {
        self.0.retain(keep);
    }

    /// Removes every id that occurs earlier in the list.
    ///
    /// ```
    /// use entity::VectorIds;
    ///
    /// let mut ids = VectorIds::from(["a", "b", "a"]);
    /// ids.dedup();
    /// assert_eq!(ids, VectorIds::from(["a", "b"]));
    /// ```
    pub fn dedup(&mut self) {
        let mut seen = HashSet::with_capacity(self.len());
        self.0.retain(|id| seen.insert(id.clone()));
    }

    /// Removes all ids.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the ids that are UUIDs.
    ///
    /// ```
    /// use entity::VectorIds;
    ///
    /// let ids = VectorIds::from(["0f8fad5bd9cb469fa16570867728950e", "chunk 1"]);
    /// assert_eq!(ids.uuids().count(), 1);
    /// ```
    pub fn uuids(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.iter().filter_map(VectorId::as_uuid)
    }

    /// Returns the length of the encoded list in bytes.
    pub(crate) fn written_len(&self) -> usize {
        write::written_len(self)
    }

    /// Splits the list into parts whose texts have at most `bytes` bytes each, unless a single id
    /// is longer.
    pub(crate) fn in_texts(self, bytes: usize) -> Vec<Self> {
        if self.written_len() <= bytes {
            return vec![self];
        }
        let mut parts = vec![Self::default()];
        let mut length = 0;
        for id in self {
            let more = write::len_in_list(&id);
            length += more;
            match parts.last_mut().filter(|_| length <= bytes) {
                Some(part) => part.push(id),
                None => {
                    length = more;
                    parts.push(Self(vec![id]));
                }
            }
        }
        parts.retain(|part| !part.is_empty());
        parts
    }

    fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.written_len());
        // A String takes all that is written.
        let _ = write::write(self, &mut json);
        json
    }
}

impl Deref for VectorIds {
    type Target = [VectorId];

    fn deref(&self) -> &[VectorId] {
        &self.0
    }
}

impl<I: Into<VectorId>> FromIterator<I> for VectorIds {
    fn from_iter<T: IntoIterator<Item = I>>(ids: T) -> Self {
        Self(ids.into_iter().map(Into::into).collect())
    }
}

impl<I: Into<VectorId>> Extend<I> for VectorIds {
    fn extend<T: IntoIterator<Item = I>>(&mut self, ids: T) {
        self.0.extend(ids.into_iter().map(Into::into));
    }
}

impl From<Vec<VectorId>> for VectorIds {
    fn from(ids: Vec<VectorId>) -> Self {
        Self(ids)
    }
}

impl<I: Into<VectorId>, const N: usize> From<[I; N]> for VectorIds {
    fn from(ids: [I; N]) -> Self {
        ids.into_iter().collect()
    }
}

impl PartialEq<[VectorId]> for VectorIds {
    fn eq(&self, ids: &[VectorId]) -> bool {
        self.0 == ids
    }
}

impl PartialEq<&[VectorId]> for VectorIds {
    fn eq(&self, ids: &&[VectorId]) -> bool {
        self.0 == *ids
    }
}

impl<const N: usize> PartialEq<[VectorId; N]> for VectorIds {
    fn eq(&self, ids: &[VectorId; N]) -> bool {
        self.0 == ids
    }
}

impl PartialEq<Vec<VectorId>> for VectorIds {
    fn eq(&self, ids: &Vec<VectorId>) -> bool {
        self.0 == *ids
    }
}

impl From<VectorIds> for Vec<VectorId> {
    fn from(ids: VectorIds) -> Self {
        ids.0
    }
}

impl IntoIterator for VectorIds {
    type Item = VectorId;
    type IntoIter = vec::IntoIter<VectorId>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'i> IntoIterator for &'i VectorIds {
    type Item = &'i VectorId;
    type IntoIter = slice::Iter<'i, VectorId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Writes the JSON array that the column stores.
impl fmt::Display for VectorIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write::write(self, f)
    }
}

/// Parses a JSON array, or ids separated by commas. Any other text is an error, even an empty one:
/// it is never an empty list.
impl FromStr for VectorIds {
    type Err = ParseVectorIdsError;

    fn from_str(text: &str) -> Result<Self, ParseVectorIdsError> {
        read::read(text).map(Self)
    }
}

impl Serialize for VectorIds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for VectorIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}
