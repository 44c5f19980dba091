use std::fmt;

use crate::{VectorId, partition::Code};

/// A point of a vector store: its id, and how the store spells it.
///
/// Two spellings of a UUID are one id, but a store that compares ids as texts deletes a point only under its own.
///
/// ```
/// use entity::{VectorId, audit::Point};
///
/// let point = Point::from("0F8FAD5B-D9CB-469F-A165-70867728950E");
/// assert_eq!(point.id(), &VectorId::from("0f8fad5bd9cb469fa16570867728950e"));
/// assert_eq!(point.to_string(), "0F8FAD5B-D9CB-469F-A165-70867728950E");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    id: VectorId,
    spelling: Spelling,
}

impl Point {
    /// Returns its id.
    pub fn id(&self) -> &VectorId {
        &self.id
    }

    pub(crate) fn new(id: VectorId, spelling: Spelling) -> Self {
        Self { id, spelling }
    }

    pub(crate) fn into_parts(self) -> (VectorId, Spelling) {
        (self.id, self.spelling)
    }
}

/// A UUID is spelled in 32 lower-case digits.
impl From<VectorId> for Point {
    fn from(id: VectorId) -> Self {
        Self::new(id, Spelling::default())
    }
}

impl From<&str> for Point {
    fn from(text: &str) -> Self {
        let id = VectorId::from(text);
        let spelling = match id {
            VectorId::Uuid(_) => Spelling::of(text),
            VectorId::Number(_) | VectorId::Opaque(_) => Spelling::default(),
        };
        Self::new(id, spelling)
    }
}

impl From<u64> for Point {
    fn from(number: u64) -> Self {
        VectorId::from(number).into()
    }
}

/// As the store spells it.
impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            VectorId::Uuid(id) => {
                let mut letters = [0; 36];
                let lower = match self.spelling.has_hyphens {
                    true => id.hyphenated().encode_lower(&mut letters),
                    false => id.simple().encode_lower(&mut letters),
                };
                if self.spelling.capitals == 0 {
                    return f.write_str(lower);
                }
                f.write_str(&self.spelling.capitalised(lower))
            }
            other => other.fmt(f),
        }
    }
}

/// How a UUID is spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spelling {
    /// A bit for each of the 32 digits.
    capitals: u32,
    has_hyphens: bool,
}

impl Spelling {
    fn of(uuid: &str) -> Self {
        let digits = uuid.bytes().filter(|letter| *letter != b'-');
        let capitals = digits.enumerate().fold(0, |capitals, (at, digit)| {
            capitals | u32::from(digit.is_ascii_uppercase()) << at
        });
        Self {
            capitals,
            has_hyphens: uuid.contains('-'),
        }
    }

    fn capitalised(self, lower: &str) -> String {
        let mut at = 0;
        let letters = lower.chars().map(|letter| {
            if letter == '-' {
                return letter;
            }
            let is_capital = self.capitals >> at & 1 == 1;
            at += 1;
            match is_capital {
                true => letter.to_ascii_uppercase(),
                false => letter,
            }
        });
        letters.collect()
    }
}

const HAS_HYPHENS: u8 = 1;
const HAS_CAPITALS: u8 = 2;

/// One byte for almost every store.
impl Code for Spelling {
    fn encode(&self, block: &mut Vec<u8>) {
        let hyphens = if self.has_hyphens { HAS_HYPHENS } else { 0 };
        match self.capitals {
            0 => block.push(hyphens),
            capitals => {
                block.push(hyphens | HAS_CAPITALS);
                capitals.encode(block);
            }
        }
    }

    fn decode(block: &mut &[u8]) -> Option<Self> {
        let flags = u8::decode(block)?;
        Some(Self {
            has_hyphens: flags & HAS_HYPHENS != 0,
            capitals: match flags & HAS_CAPITALS {
                0 => 0,
                _ => u32::decode(block)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_spelled_as_the_store_spells_it() {
        for text in [
            "0f8fad5bd9cb469fa16570867728950e",
            "0F8FAD5BD9CB469FA16570867728950E",
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "0f8FAd5b-d9cb-469f-a165-70867728950E",
            "chunk 1",
        ] {
            let point = Point::from(text);
            assert_eq!(point.to_string(), text);

            let (id, spelling) = point.into_parts();
            let mut block = Vec::new();
            spelling.encode(&mut block);
            let spelling = Spelling::decode(&mut block.as_slice()).unwrap();
            assert_eq!(Point::new(id, spelling).to_string(), text);
        }
    }
}
