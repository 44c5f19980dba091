//! One point of a listing: a line of a file, or an element of an array.

use std::{borrow::Cow, fmt, io};

use serde::Deserialize;

use super::Point;
use crate::VectorId;

/// How long a line may be, or an element of an array: an export may have the payload in it.
pub(super) const LONGEST: usize = 16 << 20;

/// The reason why points cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct PointsError {
    pub(super) line: u64,
    pub(super) problem: Problem,
}

impl PointsError {
    /// Returns the line, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }
}

#[derive(Debug)]
pub(super) enum Problem {
    Io(io::Error),
    TooLong,
    NotUtf8 { at: usize, byte: u8 },
    Json(String),
    Expected(&'static str),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::TooLong => write!(f, "expected a point of no more than {} MiB", LONGEST >> 20),
            Self::NotUtf8 { at, byte } => {
                write!(f, "expected UTF-8 at byte {at}, found the byte {byte:#04x}")
            }
            Self::Json(error) => write!(f, "expected a point: {error}"),
            Self::Expected(expected) => write!(f, "expected {expected}"),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What stands for a point in JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id<'e> {
    Number(u64),
    #[serde(borrow)]
    Text(Cow<'e, str>),
}

#[derive(Deserialize)]
struct Object<'e> {
    #[serde(borrow)]
    id: Id<'e>,
}

impl From<Id<'_>> for Point {
    fn from(id: Id<'_>) -> Self {
        match id {
            Id::Number(number) => number.into(),
            Id::Text(text) => Self::from(&*text),
        }
    }
}

/// Reads what stands for a point in an array.
pub(super) fn point_of_element(element: &[u8]) -> Result<Point, Problem> {
    let text = text(element)?;
    let element = match text.starts_with('{') {
        true => serde_json::from_str(text).map(|Object { id }| id),
        false => serde_json::from_str(text),
    };
    element.map(Id::into).map_err(json)
}

impl Point {
    /// Returns the line that [`PointsReader`](super::PointsReader) reads as this point: the id as the store spells it, or a JSON string where
    /// that would be read as another.
    pub fn to_line(&self) -> String {
        let plain = self.to_string();
        let VectorId::Opaque(_) = self.id() else {
            return plain;
        };
        let has_control = plain.contains(char::is_control);
        let is_same = |read: &Option<Self>| read.as_ref().is_some_and(|read| read == self);
        let read = point_of_line(plain.as_bytes());
        match !has_control && !plain.starts_with('[') && read.as_ref().is_ok_and(is_same) {
            true => plain,
            false => serde_json::Value::from(plain).to_string(),
        }
    }
}

/// None where the line is empty.
pub(super) fn point_of_line(line: &[u8]) -> Result<Option<Point>, Problem> {
    let line = line.trim_ascii();
    let text = text(line)?.trim();
    Ok(match line.first() {
        None => None,
        Some(b'{') => Some(
            serde_json::from_str(text)
                .map(|Object { id }| id.into())
                .map_err(json)?,
        ),
        Some(b'"') => Some(
            serde_json::from_str(text)
                .map(|id: Id<'_>| id.into())
                .map_err(json)?,
        ),
        Some(_) => Some(match number(text) {
            Some(number) => number.into(),
            None => text.into(),
        }),
    })
}

/// As in the column: what begins with a zero, or is larger, is a name.
fn number(text: &str) -> Option<u64> {
    match text.as_bytes() {
        [b'0', _, ..] => None,
        digits if digits.iter().all(u8::is_ascii_digit) => text.parse().ok(),
        _ => None,
    }
}

fn text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        match bytes.get(at) {
            Some(byte) => Problem::NotUtf8 { at, byte: *byte },
            None => Problem::Expected("UTF-8"),
        }
    })
}

/// Without the line, which is another one in the file.
fn json(error: serde_json::Error) -> Problem {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    Problem::Json(format!("{text} at byte {}", error.column()))
}
