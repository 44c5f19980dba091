use std::{borrow::Cow, fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The name of a point in a vector store.
///
/// Qdrant names points by UUIDs and unsigned 64-bit numbers; other stores use names of their own. A
/// name that is a UUID, in 32 hexadecimal digits or with hyphens, in either case, is that UUID: an
/// [`OpaqueId`] is never one.
///
/// The spelling of a UUID is not kept: it is written, printed and returned as 32 lower-case digits.
/// That suits stores that parse UUIDs, such as Qdrant and Weaviate. A store that compares ids as
/// texts (Chroma, Milvus with VARCHAR keys, Elasticsearch, Pinecone) finds a point only under the
/// spelling with which it was inserted. Insert points there under
/// [`to_string`](ToString::to_string), or under a name that is not a UUID, such as
/// `page-1-0f8fad5b…`, which stays as it is.
///
/// ```
/// use entity::VectorId;
///
/// let id = VectorId::from("0F8FAD5B-D9CB-469F-A165-70867728950E");
/// assert_eq!(id, VectorId::from("0f8fad5bd9cb469fa16570867728950e"));
/// assert_eq!(id.to_string(), "0f8fad5bd9cb469fa16570867728950e");
/// match id {
///     VectorId::Uuid(id) => println!("the point {id}"),
///     VectorId::Number(id) => println!("the point {id}"),
///     VectorId::Opaque(id) => println!("the point {id}"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VectorId {
    /// A UUID.
    Uuid(Uuid),
    /// An unsigned number.
    Number(u64),
    /// Any other name.
    Opaque(OpaqueId),
}

/// A name that is not a UUID. [`VectorId::from`] creates it from a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpaqueId(Box<str>);

impl Deref for OpaqueId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OpaqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl VectorId {
    /// Returns the UUID, if the id is one.
    pub fn as_uuid(&self) -> Option<Uuid> {
        match self {
            Self::Uuid(id) => Some(*id),
            Self::Number(_) | Self::Opaque(_) => None,
        }
    }

    /// Returns the number, if the id is one.
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Self::Number(id) => Some(*id),
            Self::Uuid(_) | Self::Opaque(_) => None,
        }
    }

    /// Parses one of the two forms of a UUID. The form without hyphens is the column's, and is
    /// decoded fastest.
    pub(super) fn uuid(text: &[u8]) -> Option<Uuid> {
        match text.len() {
            32 => {
                let mut id = [0; 16];
                const_hex::decode_to_slice(text, &mut id).ok()?;
                Some(Uuid::from_bytes(id))
            }
            36 => Uuid::try_parse_ascii(text).ok(),
            _ => None,
        }
    }
}

impl From<Uuid> for VectorId {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<u64> for VectorId {
    fn from(id: u64) -> Self {
        Self::Number(id)
    }
}

impl From<&str> for VectorId {
    fn from(id: &str) -> Self {
        match Self::uuid(id.as_bytes()) {
            Some(uuid) => Self::Uuid(uuid),
            None => Self::Opaque(OpaqueId(id.into())),
        }
    }
}

impl From<String> for VectorId {
    fn from(id: String) -> Self {
        match Self::uuid(id.as_bytes()) {
            Some(uuid) => Self::Uuid(uuid),
            None => Self::Opaque(OpaqueId(id.into())),
        }
    }
}

impl From<&String> for VectorId {
    fn from(id: &String) -> Self {
        id.as_str().into()
    }
}

impl From<Cow<'_, str>> for VectorId {
    fn from(id: Cow<'_, str>) -> Self {
        match id {
            Cow::Borrowed(id) => id.into(),
            Cow::Owned(id) => id.into(),
        }
    }
}

impl From<&Self> for VectorId {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

impl From<&Uuid> for VectorId {
    fn from(id: &Uuid) -> Self {
        Self::Uuid(*id)
    }
}

impl From<OpaqueId> for VectorId {
    fn from(id: OpaqueId) -> Self {
        Self::Opaque(id)
    }
}

impl From<OpaqueId> for String {
    fn from(id: OpaqueId) -> Self {
        id.0.into()
    }
}

impl TryFrom<VectorId> for Uuid {
    /// The id, if it is not a UUID.
    type Error = VectorId;

    fn try_from(id: VectorId) -> Result<Self, VectorId> {
        match id {
            VectorId::Uuid(id) => Ok(id),
            other => Err(other),
        }
    }
}

impl TryFrom<VectorId> for u64 {
    /// The id, if it is not a number.
    type Error = VectorId;

    fn try_from(id: VectorId) -> Result<Self, VectorId> {
        match id {
            VectorId::Number(id) => Ok(id),
            other => Err(other),
        }
    }
}

/// Prints the id alone, a UUID as 32 digits, without the quotes that it has in a list.
impl fmt::Display for VectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(id) => id.simple().fmt(f),
            Self::Number(id) => id.fmt(f),
            Self::Opaque(id) => id.fmt(f),
        }
    }
}

/// The id for formats that do not describe themselves, which cannot distinguish a string from a
/// number.
#[derive(Serialize, Deserialize)]
enum Tagged<'i> {
    Uuid([u8; 16]),
    Number(u64),
    Opaque(Cow<'i, str>),
}

/// Serializes the id as a string or a number in human-readable formats such as JSON, and with a tag
/// in others such as bincode.
impl Serialize for VectorId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return match self {
                Self::Number(id) => serializer.serialize_u64(*id),
                id => serializer.collect_str(id),
            };
        }
        let tagged = match self {
            Self::Uuid(id) => Tagged::Uuid(id.into_bytes()),
            Self::Number(id) => Tagged::Number(*id),
            Self::Opaque(id) => Tagged::Opaque(Cow::Borrowed(id)),
        };
        tagged.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for VectorId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = VectorId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a vector id: a string or an unsigned 64-bit number")
            }

            fn visit_str<E: de::Error>(self, id: &str) -> Result<VectorId, E> {
                Ok(id.into())
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<VectorId, E> {
                Ok(id.into())
            }
        }

        if deserializer.is_human_readable() {
            return deserializer.deserialize_any(Visitor);
        }
        Ok(match Tagged::deserialize(deserializer)? {
            Tagged::Uuid(id) => Self::Uuid(Uuid::from_bytes(id)),
            Tagged::Number(id) => Self::Number(id),
            // A name that is a UUID becomes that UUID, whatever the writer called it.
            Tagged::Opaque(id) => id.into(),
        })
    }
}
