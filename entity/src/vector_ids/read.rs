//! From a text to ids, straight into the list.

use super::{ParseVectorIdsError, VectorId, blocks};

const AN_ARRAY: &str = "a JSON array of vector ids, or ids with commas between";
const AN_ID: &str = "a vector id: a JSON string or an unsigned 64-bit number";
const A_STRING: &str = "a JSON string";
const MORE_OR_END: &str = "`,` or `]`";
const NOTHING: &str = "nothing after `]`";
const A_PLAIN_ID: &str = "a vector id without spaces, quotes and brackets";

pub(super) fn read(text: &str) -> Result<Vec<VectorId>, ParseVectorIdsError> {
    let start = after_spaces(text.as_bytes(), 0);
    match text.as_bytes().get(start) {
        None => Err(ParseVectorIdsError::new(AN_ARRAY, text, 0)),
        Some(b'[') => Array {
            text,
            at: start + 1,
        }
        .read(),
        Some(_) => separated_by_commas(text),
    }
}

struct Array<'t> {
    text: &'t str,
    /// Always between two characters.
    at: usize,
}

impl Array<'_> {
    fn read(mut self) -> Result<Vec<VectorId>, ParseVectorIdsError> {
        let mut ids = Vec::with_capacity(self.text.len() / blocks::BLOCK + 1);
        self.at += blocks::decode(&self.text.as_bytes()[self.at..], &mut ids);
        self.skip_spaces();
        if ids.is_empty() && self.next() == Some(b']') {
            self.at += 1;
            return self.end(ids);
        }
        loop {
            ids.push(self.id()?);
            self.skip_spaces();
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return self.end(ids);
                }
                _ => return Err(self.expected(MORE_OR_END)),
            }
            self.skip_spaces();
        }
    }

    fn end(mut self, ids: Vec<VectorId>) -> Result<Vec<VectorId>, ParseVectorIdsError> {
        self.skip_spaces();
        match self.next() {
            None => Ok(ids),
            Some(_) => Err(self.expected(NOTHING)),
        }
    }

    fn id(&mut self) -> Result<VectorId, ParseVectorIdsError> {
        match self.next() {
            Some(b'"') => self.usual().map_or_else(|| self.string(), Ok),
            Some(b'0'..=b'9') => self.number(),
            _ => Err(self.expected(AN_ID)),
        }
    }

    /// 32 digits between quotes.
    fn usual(&mut self) -> Option<VectorId> {
        let quoted = self.text.as_bytes().get(self.at..self.at + 34)?;
        let digits = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let id = VectorId::uuid(digits)?;
        self.at += 34;
        Some(VectorId::Uuid(id))
    }

    fn string(&mut self) -> Result<VectorId, ParseVectorIdsError> {
        let start = self.at;
        let mut is_escaped = false;
        let mut has_escapes = false;
        let length = self.text.as_bytes()[start + 1..]
            .iter()
            .position(|byte| match byte {
                _ if is_escaped => {
                    is_escaped = false;
                    false
                }
                b'\\' => {
                    (is_escaped, has_escapes) = (true, true);
                    false
                }
                byte => *byte == b'"' || *byte < 0x20,
            });
        let end = start + 1 + length.ok_or_else(|| self.expected(A_STRING))?;
        if self.text.as_bytes()[end] != b'"' {
            return Err(self.expected(A_STRING));
        }
        self.at = end + 1;
        if !has_escapes {
            return Ok(self.text[start + 1..end].into());
        }
        match serde_json::from_str::<String>(&self.text[start..=end]) {
            Ok(id) => Ok(id.into()),
            Err(_) => Err(ParseVectorIdsError::new(A_STRING, self.text, start)),
        }
    }

    fn number(&mut self) -> Result<VectorId, ParseVectorIdsError> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(|byte| is_number(byte)).count();
        match number(&self.text[self.at..self.at + length]) {
            Some(id) => {
                self.at += length;
                Ok(VectorId::Number(id))
            }
            None => Err(self.expected(AN_ID)),
        }
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        self.at = after_spaces(self.text.as_bytes(), self.at);
    }

    fn expected(&self, what: &'static str) -> ParseVectorIdsError {
        ParseVectorIdsError::new(what, self.text, self.at)
    }
}

/// What an older writer has left. What looks like a piece of JSON is a damaged array, and no id.
fn separated_by_commas(text: &str) -> Result<Vec<VectorId>, ParseVectorIdsError> {
    let mut ids = Vec::with_capacity(text.len() / blocks::BLOCK + 1);
    let mut at = 0;
    for piece in text.split(',') {
        let start = after_spaces(text.as_bytes(), at);
        let id = piece.trim_matches(is_space);
        if id.is_empty() {
            return Err(ParseVectorIdsError::new(A_PLAIN_ID, text, at));
        }
        if let Some(odd) = id.find(is_odd) {
            return Err(ParseVectorIdsError::new(A_PLAIN_ID, text, start + odd));
        }
        if ["null", "true", "false", "None"].contains(&id) {
            return Err(ParseVectorIdsError::new(A_PLAIN_ID, text, start));
        }
        ids.push(number(id).map_or_else(|| id.into(), VectorId::Number));
        at += piece.len() + 1;
    }
    Ok(ids)
}

fn is_odd(char: char) -> bool {
    char.is_whitespace() || char.is_control() || "\"'[]{}\\".contains(char)
}

/// As JSON writes it: what begins with a zero, or is larger, is none.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.as_bytes() {
        [b'0', _, ..] => None,
        _ if is_plain => text.parse().ok(),
        _ => None,
    }
}

/// JSON's own spaces.
fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\r')
}

fn after_spaces(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| is_space(char::from(*byte))) {
        at += 1;
    }
    at
}
