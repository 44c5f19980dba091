use uuid::Uuid;

use super::Seed;
use crate::VectorId;

/// A value that is kept in blocks of bytes.
pub(crate) trait Code: Sized {
    /// Appends the value to a block.
    fn encode(&self, block: &mut Vec<u8>);

    /// Takes a value from the beginning of a block; none where the block does not hold one.
    fn decode(block: &mut &[u8]) -> Option<Self>;
}

/// What decides which part a record belongs to.
pub(crate) trait Key: Code + Ord {
    /// Sorts records by their keys, and those of equal keys by what is kept with them.
    fn sort<P: Ord>(records: &mut [Record<Self, P>]) {
        records.sort_unstable();
    }

    fn hash(&self, seed: &Seed) -> u64;

    /// Returns how many bytes it takes in memory in addition to its own size.
    fn heap_bytes(&self) -> usize;
}

/// A key and what is kept with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record<K, P> {
    pub(crate) key: K,
    pub(crate) payload: P,
}

impl<K: Code, P: Code> Code for Record<K, P> {
    fn encode(&self, block: &mut Vec<u8>) {
        self.key.encode(block);
        self.payload.encode(block);
    }

    fn decode(block: &mut &[u8]) -> Option<Self> {
        Some(Self {
            key: K::decode(block)?,
            payload: P::decode(block)?,
        })
    }
}

/// A UUID as two numbers, which are compared faster than sixteen bytes and need no alignment of sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UuidKey(u64, u64);

impl UuidKey {
    fn number(self) -> u128 {
        u128::from(self.0) << 64 | u128::from(self.1)
    }
}

impl From<Uuid> for UuidKey {
    fn from(id: Uuid) -> Self {
        let (high, low) = id.as_u64_pair();
        Self(high, low)
    }
}

impl From<UuidKey> for VectorId {
    fn from(key: UuidKey) -> Self {
        Self::Uuid(Uuid::from_u64_pair(key.0, key.1))
    }
}

impl Code for UuidKey {
    fn encode(&self, block: &mut Vec<u8>) {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0.to_le_bytes());
        bytes[8..].copy_from_slice(&self.1.to_le_bytes());
        block.extend_from_slice(&bytes);
    }

    fn decode(block: &mut &[u8]) -> Option<Self> {
        Some(Self(u64::decode(block)?, u64::decode(block)?))
    }
}

impl Key for UuidKey {
    /// Numbers are compared without a branch, and almost all keys are there once.
    fn sort<P: Ord>(records: &mut [Record<Self, P>]) {
        records.sort_unstable_by_key(|record| record.key.number());
        for equal in records.chunk_by_mut(|one, other| one.key == other.key) {
            if equal.len() > 1 {
                equal.sort_unstable();
            }
        }
    }

    fn hash(&self, seed: &Seed) -> u64 {
        seed.of_numbers(self.0, self.1)
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

/// An id that is no UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(VectorId);

const NUMBER: u8 = 0;
const OPAQUE: u8 = 1;

impl Name {
    /// Sorts an id by its kind.
    pub(crate) fn of(id: VectorId) -> Result<Self, Uuid> {
        match id {
            VectorId::Uuid(id) => Err(id),
            VectorId::Number(_) | VectorId::Opaque(_) => Ok(Self(id)),
        }
    }
}

impl From<Name> for VectorId {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl Code for Name {
    fn encode(&self, block: &mut Vec<u8>) {
        match &self.0 {
            VectorId::Number(number) => {
                block.push(NUMBER);
                number.encode(block);
            }
            VectorId::Opaque(text) => encode_text(text, block),
            // `of` lets none in; as a text it would still be the same id.
            VectorId::Uuid(id) => encode_text(&id.simple().to_string(), block),
        }
    }

    fn decode(block: &mut &[u8]) -> Option<Self> {
        match u8::decode(block)? {
            NUMBER => Some(Self(VectorId::Number(u64::decode(block)?))),
            OPAQUE => {
                let length = usize::try_from(u64::decode(block)?).ok()?;
                let (text, rest) = block.split_at_checked(length)?;
                *block = rest;
                Some(Self(std::str::from_utf8(text).ok()?.into()))
            }
            _ => None,
        }
    }
}

fn encode_text(text: &str, block: &mut Vec<u8>) {
    block.push(OPAQUE);
    (text.len() as u64).encode(block);
    block.extend_from_slice(text.as_bytes());
}

impl Key for Name {
    fn hash(&self, seed: &Seed) -> u64 {
        seed.of_id(&self.0)
    }

    fn heap_bytes(&self) -> usize {
        match &self.0 {
            VectorId::Opaque(text) => text.len(),
            VectorId::Number(_) | VectorId::Uuid(_) => 0,
        }
    }
}

impl Code for () {
    fn encode(&self, _: &mut Vec<u8>) {}

    fn decode(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

macro_rules! code {
    ($($number:ty),*) => {$(
        impl Code for $number {
            fn encode(&self, block: &mut Vec<u8>) {
                block.extend_from_slice(&self.to_le_bytes());
            }

            fn decode(block: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = block.split_first_chunk()?;
                *block = rest;
                Some(Self::from_le_bytes(*bytes))
            }
        }
    )*};
}

code!(u8, i32, u32, u64);
