use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::memory::{Memory, Slot};

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
    memory: Memory,
    file: Option<File>,
    length: u64,
}

/// By how much a block may be longer than others, without going to the file: an id that is no UUID has any length.
const LONGEST_NAME: usize = 256;

/// A block that was stored.
pub(crate) enum Block {
    InMemory { slot: Slot, length: usize },
    InFile { at: u64, length: usize },
}

impl Spool {
    /// Returns an empty one that keeps so many bytes in memory.
    pub(crate) fn new(folder: PathBuf, room: usize, block_bytes: usize) -> Self {
        let state = Mutex::new(State {
            memory: Memory::new(room, block_bytes + LONGEST_NAME),
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
        let stored = match state.memory.store(block) {
            Some(slot) => Block::InMemory { slot, length },
            None => state.append(&self.folder, block)?,
        };
        block.clear();
        block.shrink_to(self.block_bytes);
        Ok(stored)
    }

    /// Reads the bytes of a block, in place of what is in `bytes`. What was in memory is not kept there any longer.
    pub(crate) fn take(&self, block: Block, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.clear();
        let mut state = self.state();
        match block {
            Block::InMemory { slot, length } => {
                let stored = state.memory.take(slot, length);
                bytes.extend_from_slice(stored.ok_or(io::ErrorKind::NotFound)?);
                Ok(())
            }
            Block::InFile { at, length } => {
                let file = state.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
                bytes.resize(length, 0);
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(bytes)
            }
        }
    }

    /// Nothing is left half done where a thread has panicked with the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, folder: &Path, block: &[u8]) -> io::Result<Block> {
        let (at, length) = (self.length, block.len());
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(folder)?),
        };
        file.seek(SeekFrom::Start(at))?;
        file.write_all(block)?;
        self.length += length as u64;
        Ok(Block::InFile { at, length })
    }
}
