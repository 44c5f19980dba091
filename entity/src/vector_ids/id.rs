use std::{borrow::Cow, fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// What a vector store calls a point.
///
/// Qdrant has UUIDs and unsigned 64-bit numbers; other stores have names of their own. A name that is a UUID,
/// in 32 hexadecimal digits or with hyphens, in either case, is the UUID: an [`OpaqueId`] is never one.
///
/// The spelling of a UUID is not kept: it is written, printed and handed over in 32 lower-case digits. That suits
/// stores that read UUIDs, as Qdrant and Weaviate do. One that compares ids as texts (Chroma, Milvus with VARCHAR
/// keys, Elasticsearch, Pinecone) finds a point only under the spelling in which it was inserted: insert it there
/// as [`to_string`](ToString::to_string) spells it, or under a name that is no UUID, such as `page-1-0f8fad5b…`,
/// which stays as it is.
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
    /// A number.
    Number(u64),
    /// Any other name.
    Opaque(OpaqueId),
}

/// A name that is no UUID: [`VectorId::from`] makes it of a text.
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
    /// Returns the UUID, where the id is one.
    pub fn as_uuid(&self) -> Option<Uuid> {
        match self {
            Self::Uuid(id) => Some(*id),
            Self::Number(_) | Self::Opaque(_) => None,
        }
    }

    /// Returns the number, where the id is one.
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Self::Number(id) => Some(*id),
            Self::Uuid(_) | Self::Opaque(_) => None,
        }
    }

    /// Of its two forms the one without hyphens is the column's, and read at the processor's speed.
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
    /// The id, which is none.
    type Error = VectorId;

    fn try_from(id: VectorId) -> Result<Self, VectorId> {
        match id {
            VectorId::Uuid(id) => Ok(id),
            other => Err(other),
        }
    }
}

impl TryFrom<VectorId> for u64 {
    /// The id, which is none.
    type Error = VectorId;

    fn try_from(id: VectorId) -> Result<Self, VectorId> {
        match id {
            VectorId::Number(id) => Ok(id),
            other => Err(other),
        }
    }
}

/// The id alone, a UUID in 32 digits: without the quotes that it has in a list.
impl fmt::Display for VectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(id) => id.simple().fmt(f),
            Self::Number(id) => id.fmt(f),
            Self::Opaque(id) => id.fmt(f),
        }
    }
}

/// The form of formats that do not describe themselves, in which a string cannot be told from a number.
#[derive(Serialize, Deserialize)]
enum Tagged<'i> {
    Uuid([u8; 16]),
    Number(u64),
    Opaque(Cow<'i, str>),
}

/// A string or a number in formats for people, such as JSON; tagged in others, such as bincode.
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
            // A name that is a UUID is the UUID, whoever has written it.
            Tagged::Opaque(id) => id.into(),
        })
    }
}
