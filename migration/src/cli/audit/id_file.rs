//! The files that `--stray-to` and `--missing-to` write: all of it, or nothing.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use entity::audit::Point;

use crate::cli::error::CliError;

/// A file that is written beside its place, and gets its name when all of it is there.
pub(super) struct IdFile {
    path: PathBuf,
    new: PathBuf,
    writer: BufWriter<File>,
}

impl IdFile {
    /// Begins a file. It takes the place of an empty one, and of nothing else.
    pub(super) fn begin(path: PathBuf) -> Result<Self, CliError> {
        require_free(&path)?;
        let failed = |reason: io::Error| CliError::IdsUnsaved {
            file: path.clone(),
            reason: reason.to_string(),
        };
        let name = path
            .file_name()
            .ok_or_else(|| failed(io::ErrorKind::IsADirectory.into()))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".new");
        let new = path.with_file_name(hidden);
        if fs::symlink_metadata(&new).is_ok_and(|there| !there.is_file()) {
            return Err(CliError::IdsInTheWay(new));
        }
        // What a run that was killed has left is taken over.
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&new);
        let file = file.and_then(|file| {
            require_alone(&file)?;
            file.set_len(0)?;
            Ok(file)
        });
        let writer = BufWriter::with_capacity(1 << 16, file.map_err(failed)?);
        Ok(Self { path, new, writer })
    }

    pub(super) fn write(&mut self, point: &Point) -> Result<(), CliError> {
        writeln!(self.writer, "{}", point.to_line()).map_err(|error| self.failed(&error))
    }

    /// Gives the file its name.
    pub(super) fn finish(mut self) -> Result<(), CliError> {
        let written = self
            .writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all());
        written.map_err(|error| self.failed(&error))?;
        require_free(&self.path)?;
        fs::rename(&self.new, &self.path).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> CliError {
        CliError::IdsUnsaved {
            file: self.path.clone(),
            reason: error.to_string(),
        }
    }
}

/// Nothing is left of a file that was not finished.
impl Drop for IdFile {
    fn drop(&mut self) {
        // After `finish` there is none.
        let _ = fs::remove_file(&self.new);
    }
}

fn require_free(path: &Path) -> Result<(), CliError> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_file() && there.len() == 0 => Ok(()),
        Ok(_) => Err(CliError::IdsInTheWay(path.to_owned())),
        Err(_) => Ok(()),
    }
}

fn require_alone(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        // Not every file system has locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another run is writing it")),
    }
}
