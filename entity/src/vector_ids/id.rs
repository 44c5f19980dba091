use std::{fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// What a vector store calls a point.
///
/// Qdrant has UUIDs and unsigned 64-bit numbers; other stores have names of their own. A name that is a UUID,
/// in 32 hexadecimal digits or with hyphens, in either case, is the UUID: an [`OpaqueId`] is never one.
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

/// A string, or a number.
impl Serialize for VectorId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(id) => serializer.serialize_u64(*id),
            id => serializer.collect_str(id),
        }
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

        deserializer.deserialize_any(Visitor)
    }
}
