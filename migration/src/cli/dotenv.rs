//! Reads the nearest `.env` file as sea-orm-cli does: the first of two lines with the same name counts.

use std::{
    cell::Cell,
    collections::HashMap,
    env, fmt, fs,
    io::{self, Read},
    path::PathBuf,
};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The nearest `.env`, in the current folder or a folder above it.
pub(super) struct File {
    pub(super) path: PathBuf,
    /// The variables. If the file is damaged, only those before the damage.
    pub(super) variables: HashMap<String, String>,
    pub(super) damage: Option<Damage>,
}

/// The reason why the file, or the rest of it, cannot be read. Its message shows no part of a line, because a line may
/// contain a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    path: PathBuf,
    kind: DamageKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DamageKind {
    Unreadable(io::ErrorKind),
    NotUtf8 { line: usize },
    NoAssignment { line: usize },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file {}", self.path.display())?;
        match &self.kind {
            DamageKind::Unreadable(kind) => write!(f, " cannot be read: {kind}"),
            DamageKind::NotUtf8 { line } => write!(f, ", line {line}: the line is not UTF-8"),
            DamageKind::NoAssignment { line } => {
                write!(f, ", line {line}: the line is not a valid NAME=VALUE")
            }
        }
    }
}

impl Damage {
    pub(super) fn hint(&self) -> &'static str {
        match self.kind {
            DamageKind::Unreadable(_) => "make the file readable, or name the database with -u",
            DamageKind::NotUtf8 { .. } => "save the file as UTF-8",
            DamageKind::NoAssignment { .. } => {
                "write NAME=VALUE, with the value in single quotes if it contains spaces, quotes or dollar signs"
            }
        }
    }
}

/// Returns the nearest `.env`, damaged or not.
pub(super) fn nearest() -> Option<File> {
    let here = env::current_dir().unwrap_or_default();
    let mut folders = here.ancestors().map(|folder| folder.join(".env"));
    folders.find(|path| path.is_file()).map(read)
}

fn read(path: PathBuf) -> File {
    let (variables, damage) = match fs::read(&path) {
        Ok(bytes) => parse(&bytes),
        Err(error) => (HashMap::new(), Some(DamageKind::Unreadable(error.kind()))),
    };
    let damage = damage.map(|kind| Damage {
        path: path.clone(),
        kind,
    });
    File {
        path,
        variables,
        damage,
    }
}

fn parse(bytes: &[u8]) -> (HashMap<String, String>, Option<DamageKind>) {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let (text, is_not_utf8) = match str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let text = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let lines = text.rfind('\n').map_or("", |end| &text[..=end]);
            let line = lines.matches('\n').count() + 1;
            (lines, Some(DamageKind::NotUtf8 { line }))
        }
    };
    let (variables, is_no_assignment) = assignments(text);
    (variables, is_no_assignment.or(is_not_utf8))
}

fn assignments(text: &str) -> (HashMap<String, String>, Option<DamageKind>) {
    // dotenvy reports an unfinished line if the last line ends with a space.
    let text = format!("{text}\n");
    let read = Cell::new(0);
    let lines = Lines {
        rest: text.as_bytes(),
        read: &read,
    };
    let mut variables = HashMap::new();
    for variable in dotenvy::from_read_iter(lines) {
        match variable {
            Ok((name, value)) => {
                variables.entry(name).or_insert(value);
            }
            Err(error) => {
                let line = first_line(&error, read.get());
                return (variables, Some(DamageKind::NoAssignment { line }));
            }
        }
    }
    (variables, None)
}

/// Returns the first line of the assignment that ends on line `last`: a quoted value may span several lines.
fn first_line(error: &dotenvy::Error, last: usize) -> usize {
    match error {
        dotenvy::Error::LineParse(text, _) => {
            let text = text.strip_suffix('\n').unwrap_or(text);
            last.saturating_sub(text.matches('\n').count())
        }
        _ => last,
    }
}

/// A reader that returns one line at a time and counts the lines, so that a buffering caller is never ahead of the
/// count.
struct Lines<'t> {
    rest: &'t [u8],
    read: &'t Cell<usize>,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let line = end.map_or(self.rest.len(), |end| end + 1);
        let length = line.min(buffer.len());
        let (now, later) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(now);
        if now.ends_with(b"\n") {
            self.read.set(self.read.get() + 1);
        }
        self.rest = later;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_and_damage(text: &[u8]) -> (Option<String>, Option<DamageKind>) {
        let (mut variables, damage) = parse(text);
        (variables.remove("URL"), damage)
    }

    #[test]
    fn the_first_of_two_lines_with_the_same_name_counts() {
        let (url, damage) = url_and_damage(b"URL=first\nURL=second\n");

        assert_eq!((url.as_deref(), damage), (Some("first"), None));
    }

    #[test]
    fn a_byte_order_mark_carriage_returns_and_a_space_at_the_end_are_no_part_of_it() {
        for text in ["\u{feff}URL=one\r\nB=2\r\n", "\u{feff}URL=one ", "URL=one"] {
            let (url, damage) = url_and_damage(text.as_bytes());

            assert_eq!((url.as_deref(), damage), (Some("one"), None), "{text:?}");
        }
    }

    #[test]
    fn the_line_of_the_damage_is_counted() {
        let cases: [(&[u8], usize); 6] = [
            (b"A=1\n# a comment\n\nURL=a b\nC=3\n", 4),
            (b"A=1\nURL='no end\nC=3\n\n\n", 2),
            (b"A=1\n\nURL=\"a\nb\" c\nC=3", 3),
            (b"A='a\nb'\r\nnothing\r\n", 3),
            (b"= 1", 1),
            (b"A=1\n#\n\n2=3\n", 4),
        ];
        for (text, line) in cases {
            let (_, damage) = parse(text);

            let expected = Some(DamageKind::NoAssignment { line });
            assert_eq!(damage, expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_stands_before_another_encoding_is_read() {
        let (url, damage) = url_and_damage(b"URL=one\n# caf\xe9\nURL=two\n");

        let expected = Some(DamageKind::NotUtf8 { line: 2 });
        assert_eq!((url.as_deref(), damage), (Some("one"), expected));
        assert_eq!(
            url_and_damage(b"\xff\xfeU\0R\0L\0").1,
            Some(DamageKind::NotUtf8 { line: 1 })
        );
    }
}
