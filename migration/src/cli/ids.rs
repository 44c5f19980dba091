//! Where `repair --delete-orphans` writes what the rows say that it deletes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{Orphan, OrphanSink, OrphanValue};

/// One JSON object a row, whatever its ids look like.
pub(super) enum Ids {
    File(Box<IdsFile>),
    Stdout(Layout),
    /// Nowhere, as was asked for.
    Forget,
    /// Nobody has said where.
    Unsaid,
}

/// How the rows stand on stdout.
pub(super) enum Layout {
    Lines,
    /// In the field `orphans` of the one object.
    Field {
        is_first: bool,
    },
}

impl Ids {
    /// `-` is stdout.
    pub(super) fn to(file: Option<PathBuf>, forget: bool, json: bool) -> Self {
        match file {
            Some(file) if file == Path::new("-") => Self::Stdout(match json {
                true => Layout::Field { is_first: true },
                false => Layout::Lines,
            }),
            Some(file) => Self::File(Box::new(IdsFile::new(file))),
            None if forget => Self::Forget,
            None => Self::Unsaid,
        }
    }

    /// What stands on stdout before the rows, and after them before the rest of the object.
    pub(super) fn field(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Stdout(Layout::Field { .. }) => Some(("{\"orphans\":[", "],")),
            _ => None,
        }
    }
}

impl OrphanSink for Ids {
    fn store(&mut self, orphans: &[Orphan]) -> io::Result<()> {
        match self {
            Self::File(file) => file.store(orphans),
            Self::Stdout(layout) => {
                let mut stdout = io::stdout().lock();
                orphans
                    .iter()
                    .try_for_each(|orphan| layout.write(&mut stdout, &line(orphan)))
            }
            Self::Forget => Ok(()),
            Self::Unsaid => Err(io::Error::other(
                "nothing else knows their vectors in the vector store. Name a file for them with --ids-to FILE \
                 (- is stdout), or lose them with --forget-ids",
            )),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(_) => io::stdout().flush(),
            Self::Forget | Self::Unsaid => Ok(()),
        }
    }

    fn withdraw(&mut self, orphans: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.withdraw(orphans),
            // What is written there stays written.
            Self::Stdout(layout) => {
                let mut stdout = io::stdout().lock();
                layout.write(&mut stdout, &withdrawn(orphans))?;
                stdout.flush()
            }
            Self::Forget | Self::Unsaid => Ok(()),
        }
    }
}

impl Layout {
    fn write(&mut self, stdout: &mut impl Write, object: &str) -> io::Result<()> {
        match self {
            Self::Lines => writeln!(stdout, "{object}"),
            Self::Field { is_first } => {
                let comma = if *is_first { "" } else { "," };
                *is_first = false;
                write!(stdout, "{comma}{object}")
            }
        }
    }
}

/// A file that only grows, and is made when there is something to write.
pub(super) struct IdsFile {
    path: PathBuf,
    file: Option<File>,
    rows: u64,
    /// How many rows there were, and how long the file was, before each time that some were stored.
    marks: Vec<(u64, u64)>,
}

impl IdsFile {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            rows: 0,
            marks: Vec::new(),
        }
    }

    fn store(&mut self, orphans: &[Orphan]) -> io::Result<()> {
        let before = self.rows;
        self.rows += u64::try_from(orphans.len()).unwrap_or(u64::MAX);
        let stored = self.try_store(before, orphans);
        stored.map_err(|error| self.named(&error))
    }

    fn try_store(&mut self, before: u64, orphans: &[Orphan]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.path)?),
        };
        let length = match file.metadata()?.is_file() {
            true => file.seek(SeekFrom::End(0))?,
            false => 0,
        };
        self.marks.push((before, length));
        let mut lines = String::new();
        for orphan in orphans {
            lines += &line(orphan);
            lines.push('\n');
        }
        file.write_all(lines.as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = match &self.file {
            Some(file) => sync(file),
            None => Ok(()),
        };
        flushed.map_err(|error| self.named(&error))
    }

    fn withdraw(&mut self, orphans: u64) -> io::Result<()> {
        let rows = self.rows.saturating_sub(orphans);
        self.rows = rows;
        let first = self.marks.iter().position(|(before, _)| *before >= rows);
        let (Some(file), Some(first)) = (&mut self.file, first) else {
            return Ok(());
        };
        let (_, length) = self.marks[first];
        self.marks.truncate(first);
        let taken_back = match file.metadata()?.is_file() {
            true => file.set_len(length).and_then(|()| sync(file)),
            // A pipe takes nothing back.
            false => writeln!(file, "{}", withdrawn(orphans)),
        };
        taken_back.map_err(|error| self.named(&error))
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }
}

/// Behind what an earlier run has written, on a line of its own: that may have been cut short.
fn open(path: &Path) -> io::Result<File> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let written = file.metadata()?;
    if written.is_file() {
        require_alone(&file)?;
    }
    if is_new {
        // The name has to be there after a crash as well.
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    } else if written.is_file() && written.len() > 0 {
        tracing::info!(
            "adds to {}, which has {} bytes",
            path.display(),
            written.len()
        );
        let mut last = [0];
        let mut reader = File::open(path)?;
        reader.seek(SeekFrom::End(-1))?;
        reader.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// A run takes back what it could not delete by the file's length, which holds where nobody else adds to it.
fn require_alone(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        // Not every file system has locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
        Err(TryLockError::WouldBlock) => Err(io::Error::other(
            "another run is writing to it: name another file",
        )),
    }
}

fn sync(file: &File) -> io::Result<()> {
    match file.metadata()?.is_file() {
        true => file.sync_all(),
        false => Ok(()),
    }
}

/// Each value as it is stored, so that nothing of it is lost.
fn line(orphan: &Orphan) -> String {
    let field = |(column, value): &(String, OrphanValue)| {
        let value = match value {
            OrphanValue::Null => Value::Null,
            OrphanValue::Number(number) => Value::from(*number),
            OrphanValue::Text(text) => Value::from(text.as_str()),
        };
        format!("{}:{value}", Value::from(column.as_str()))
    };
    let fields: Vec<String> = orphan.values.iter().map(field).collect();
    format!("{{{}}}", fields.join(","))
}

fn withdrawn(orphans: u64) -> String {
    format!("{{\"withdrawn\":{orphans}}}")
}
