//! The tokens of a statement as SQLite itself reads them, each with its position in the text.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// The range, in bytes of the text.
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, or a name without quotes, as it stands in the text.
    Word(String),
    /// A name in double quotes, backticks or brackets, without them. SQLite may also read it as a
    /// text.
    Quoted(String),
    /// A text in single quotes, without them. SQLite may also read it as a name.
    Text(String),
    /// A blob, such as `x'0f'`.
    Blob,
    /// A number, such as `1`, `.5`, `1e3` or `0x10`.
    Number,
    Sign(char),
}

impl Token {
    /// Returns whether this is the keyword. A quoted token is not.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(&self.kind, Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// Returns the name, if the token can be one.
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

/// Returns all tokens except white space and comments.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let (length, kind) = read(&sql[at..], first);
        // A token has at least one letter, so the loop ends.
        let length = length.max(first.len_utf8());
        if let Some(kind) = kind {
            let span = at..at + length;
            found.push(Token { kind, span });
        }
        at += length;
    }
    found
}

/// Returns whether a text of the schema table is a single statement. A user who may write to that
/// table may have appended another one, which SQLite itself does not read there.
pub(super) fn is_one_statement(sql: &str) -> bool {
    let tokens = tokens(sql);
    let is_trigger = tokens.iter().take(3).any(|token| token.is("TRIGGER"));
    // The END of a trigger's body is the one that ends no CASE.
    let mut open_cases = 0_u32;
    let is_end = |token: &Token| {
        if !is_trigger {
            return token.is_sign(';');
        }
        if token.is("CASE") {
            open_cases += 1;
            return false;
        }
        let is_end = token.is("END");
        if is_end && open_cases > 0 {
            open_cases -= 1;
            return false;
        }
        is_end
    };
    let end = tokens.iter().position(is_end).unwrap_or(tokens.len());
    tokens.iter().skip(end + 1).all(|token| token.is_sign(';'))
}

/// Returns the length and the kind of the token at the start of `rest`; no kind for white space or
/// a comment.
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
            let end = rest.find(']');
            let name = rest[1..end.unwrap_or(rest.len())].to_owned();
            let length = end.map_or(rest.len(), |end| end + 1);
            (length, Some(Kind::Quoted(name)))
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

/// Reads a quoted token, in which a quote is doubled.
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

/// Reads a number with its exponent, whose sign belongs to it. SQLite refuses a letter after a
/// number.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_statement_is_seen() {
        let whole = [
            "CREATE INDEX i ON vectors (page)",
            "CREATE INDEX i ON vectors (page); -- the end",
            "CREATE INDEX \"i; begin\" ON vectors (page) WHERE vector_ids <> ';'",
            "CREATE TRIGGER t AFTER INSERT ON vectors BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END",
        ];
        for sql in whole {
            assert!(is_one_statement(sql), "{sql}");
        }
        let more = [
            "CREATE INDEX i ON vectors (page); DROP TABLE documents",
            "CREATE TRIGGER t AFTER INSERT ON vectors BEGIN SELECT 1; END; DROP TABLE documents",
            "CREATE TRIGGER t AFTER INSERT ON vectors BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; END;; DROP TABLE x",
            "CREATE INDEX begin ON vectors (page); DROP TABLE x",
            "CREATE TRIGGER begin AFTER INSERT ON vectors BEGIN SELECT 1; END; DROP TABLE x",
        ];
        for sql in more {
            assert!(!is_one_statement(sql), "{sql}");
        }
    }
}
