//! The words of a statement as SQLite itself reads them, each with its place in the text.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// In bytes of the text.
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, or a name without quotes. As it stands in the text.
    Word(String),
    /// A name between double quotes, backticks or brackets, without them. SQLite also takes one for a text.
    Quoted(String),
    /// A text between single quotes, without them. SQLite also takes one for a name.
    Text(String),
    /// `x'0f'`.
    Blob,
    /// `1`, `.5`, `1e3` or `0x10`.
    Number,
    Sign(char),
}

impl Token {
    /// Whether this is the keyword. What stands between quotes is none.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(&self.kind, Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// The name, where this can be one.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(name) | Kind::Quoted(name) | Kind::Text(name) => Some(name),
            Kind::Blob | Kind::Number | Kind::Sign(_) => None,
        }
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name()
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

/// All but white space and comments.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let (length, kind) = read(&sql[at..], first);
        // A token has one letter at least, so that this ends.
        let length = length.max(first.len_utf8());
        if let Some(kind) = kind {
            let span = at..at + length;
            found.push(Token { kind, span });
        }
        at += length;
    }
    found
}

/// The length of what `rest` begins with, and what it is, unless white space or a comment.
fn read(rest: &str, first: char) -> (usize, Option<Kind>) {
    let bytes = rest.as_bytes();
    let second = bytes.get(1).copied();
    match first {
        ' ' | '\t' | '\n' | '\r' | '\x0c' => (1, None),
        '-' if second == Some(b'-') => (rest.find('\n').unwrap_or(rest.len()), None),
        '/' if second == Some(b'*') => {
            let end = rest[2..].find("*/").map(|end| end + 4);
            (end.unwrap_or(rest.len()), None)
        }
        '\'' => quoted(rest, '\'', Kind::Text),
        '"' | '`' => quoted(rest, first, Kind::Quoted),
        '[' => {
            let end = rest.find(']').unwrap_or(rest.len());
            let name = rest[1..end].to_owned();
            (end + 1, Some(Kind::Quoted(name)))
        }
        'x' | 'X' if second == Some(b'\'') => {
            let end = rest[2..].find('\'').map(|end| end + 3);
            (end.unwrap_or(rest.len()), Some(Kind::Blob))
        }
        '.' if second.is_some_and(|second| second.is_ascii_digit()) => number(rest),
        '0'..='9' => number(rest),
        _ if is_of_a_word(first) => {
            let end = rest.find(|letter| !is_of_a_word(letter));
            let word = &rest[..end.unwrap_or(rest.len())];
            (word.len(), Some(Kind::Word(word.to_owned())))
        }
        sign => (sign.len_utf8(), Some(Kind::Sign(sign))),
    }
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$') || !letter.is_ascii()
}

/// A quote within is doubled.
fn quoted(rest: &str, quote: char, kind: impl FnOnce(String) -> Kind) -> (usize, Option<Kind>) {
    let mut inside = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    let mut end = rest.len();
    while let Some((at, letter)) = letters.next() {
        if letter != quote {
            inside.push(letter);
        } else if letters.next_if(|(_, next)| *next == quote).is_some() {
            inside.push(quote);
        } else {
            end = at + quote.len_utf8();
            break;
        }
    }
    (end, Some(kind(inside)))
}

/// With its exponent, whose sign is part of it. SQLite refuses a letter that no number has.
fn number(rest: &str) -> (usize, Option<Kind>) {
    let is_hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let mut before = '0';
    let end = rest.find(|letter: char| {
        let is_exponent = matches!(before, 'e' | 'E') && !is_hexadecimal;
        let is_part =
            is_of_a_word(letter) || letter == '.' || (is_exponent && matches!(letter, '+' | '-'));
        before = letter;
        !is_part
    });
    (end.unwrap_or(rest.len()), Some(Kind::Number))
}
