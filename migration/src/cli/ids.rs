//! Writes the rows that `repair --delete-orphans` deletes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{Orphan, OrphanSink, OrphanValue};

/// The destination of the deleted rows, one JSON object per row.
pub(super) enum Ids {
    File(Box<IdsFile>),
    Stdout(Layout),
    /// No destination: `--forget-ids` was given.
    Forget,
    /// Neither `--ids-to` nor `--forget-ids` was given.
    Unspecified,
}

/// The form of the rows on stdout.
pub(super) enum Layout {
    Lines,
    /// Elements of the array `orphans` in the one JSON object.
    Field {
        is_first: bool,
    },
}

impl Ids {
    /// Returns the destination that the options name: `-` is stdout.
    pub(super) fn to(file: Option<PathBuf>, forget: bool, json: bool) -> Self {
        match file {
            Some(file) if file == Path::new("-") => Self::Stdout(match json {
                true => Layout::Field { is_first: true },
                false => Layout::Lines,
            }),
            Some(file) => Self::File(Box::new(IdsFile::new(file))),
            None if forget => Self::Forget,
            None => Self::Unspecified,
        }
    }

    /// Returns the texts before the rows and after them, if the rows are a field of the one JSON object.
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
            Self::Unspecified => Err(io::Error::other(
                "no other table records their vectors in the vector store. Name a file for the rows with --ids-to FILE \
                 (- is stdout), or delete them without keeping their ids with --forget-ids",
            )),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(_) => io::stdout().flush(),
            Self::Forget | Self::Unspecified => Ok(()),
        }
    }

    fn withdraw(&mut self, orphans: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.withdraw(orphans),
            // A line on stdout cannot be removed.
            Self::Stdout(layout) => {
                let mut stdout = io::stdout().lock();
                layout.write(&mut stdout, &withdrawal(orphans))?;
                stdout.flush()
            }
            Self::Forget | Self::Unspecified => Ok(()),
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

/// A file that is appended to, and is created with the first row.
pub(super) struct IdsFile {
    path: PathBuf,
    file: Option<File>,
    rows: u64,
    /// The number of rows and the length of the file in bytes before each call of `store`.
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
        let withdrawn = match file.metadata()?.is_file() {
            true => file.set_len(length).and_then(|()| sync(file)),
            // A line in a pipe cannot be removed.
            false => writeln!(file, "{}", withdrawal(orphans)),
        };
        withdrawn.map_err(|error| self.named(&error))
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }
}

/// Opens the file for appending, and begins a new line if an earlier run was interrupted within one.
fn open(path: &Path) -> io::Result<File> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let written = file.metadata()?;
    if written.is_file() {
        require_alone(&file)?;
    }
    if is_new {
        // Syncing the folder keeps the file's name after a crash.
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    } else if written.is_file() && written.len() > 0 {
        tracing::info!(
            "appends to {}, which has {} bytes",
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

/// Requires that no other run appends to the file: withdrawing rows truncates the file to its earlier length.
fn require_alone(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        // Some file systems have no locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
        Err(TryLockError::WouldBlock) => Err(io::Error::other(
            "another run is writing to this file: name another one",
        )),
    }
}

fn sync(file: &File) -> io::Result<()> {
    match file.metadata()?.is_file() {
        true => file.sync_all(),
        false => Ok(()),
    }
}

/// Returns a row as a JSON object with each value as it is stored.
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

/// Returns the line that follows rows whose deletion was rolled back.
fn withdrawal(orphans: u64) -> String {
    format!("{{\"withdrawn\":{orphans}}}")
}
