use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Blocks of bytes: in memory up to a limit, and in one temporary file after that.
///
/// The file has no name from the moment on at which it is made (on Windows: until it is closed), so that nothing is left
/// of it, however the process ends.
pub(crate) struct Spool {
    folder: PathBuf,
    block_bytes: usize,
    state: Mutex<State>,
}

struct State {
    /// How many bytes may still be kept in memory.
    room: usize,
    file: Option<File>,
    length: u64,
}

/// A block that was stored.
pub(crate) enum Block {
    InMemory(Vec<u8>),
    InFile { at: u64, length: usize },
}

impl Spool {
    /// Returns an empty one that keeps so many bytes in memory.
    pub(crate) fn new(folder: PathBuf, room: usize, block_bytes: usize) -> Self {
        let state = Mutex::new(State {
            room,
            file: None,
            length: 0,
        });
        Self {
            folder,
            block_bytes,
            state,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// Stores a block, and leaves an empty one in its place.
    pub(crate) fn store(&self, block: &mut Vec<u8>) -> io::Result<Block> {
        let mut state = self.state();
        let length = block.len();
        if let Some(room) = state.room.checked_sub(length) {
            state.room = room;
            return Ok(Block::InMemory(std::mem::take(block)));
        }
        let at = state.length;
        let file = match &mut state.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.folder)?),
        };
        file.seek(SeekFrom::Start(at))?;
        file.write_all(block)?;
        state.length += length as u64;
        block.clear();
        Ok(Block::InFile { at, length })
    }

    /// Returns the bytes of a block. What was in memory is not kept there any longer.
    pub(crate) fn take(&self, block: Block) -> io::Result<Vec<u8>> {
        let (at, length) = match block {
            Block::InMemory(bytes) => {
                self.state().room += bytes.len();
                return Ok(bytes);
            }
            Block::InFile { at, length } => (at, length),
        };
        let mut bytes = vec![0; length];
        let mut state = self.state();
        let file = state.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Nothing is left half done where a thread has panicked with the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
