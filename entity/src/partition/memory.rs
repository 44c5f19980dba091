use std::io;

use memmap2::{MmapMut, MmapOptions};

/// Memory for blocks that are kept until all are compared.
///
/// The allocator would get it from the kernel in pages of 4 KiB, and to get these takes a third of the time of an
/// audit.
pub(super) struct Memory {
    chunks: Vec<MmapMut>,
    /// How many bytes of the last chunk are used.
    used: usize,
    /// How many bytes may still be used.
    room: usize,
}

/// Where a block is.
pub(crate) struct Place {
    chunk: usize,
    at: usize,
    length: usize,
}

const CHUNK: usize = 32 << 20;

impl Memory {
    /// Returns an empty one for so many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self {
            chunks: Vec::new(),
            used: CHUNK,
            room,
        }
    }

    /// Stores a block, unless there is no room for it.
    pub(super) fn store(&mut self, block: &[u8]) -> Option<Place> {
        let length = block.len();
        let room = self.room.checked_sub(length)?;
        if length > CHUNK - self.used {
            self.chunks.push(chunk().ok().filter(|_| length <= CHUNK)?);
            self.used = 0;
        }
        let at = self.used;
        let end = at + length;
        self.chunks
            .last_mut()?
            .get_mut(at..end)?
            .copy_from_slice(block);
        self.used = end;
        self.room = room;
        Some(Place {
            chunk: self.chunks.len() - 1,
            at,
            length,
        })
    }

    /// Returns the bytes of a block.
    pub(super) fn read(&self, place: &Place) -> Option<&[u8]> {
        let chunk = self.chunks.get(place.chunk)?;
        chunk.get(place.at..place.at + place.length)
    }
}

fn chunk() -> io::Result<MmapMut> {
    let chunk = MmapOptions::new().len(CHUNK).map_anon()?;
    // A kernel without huge pages takes longer.
    #[cfg(target_os = "linux")]
    let _ = chunk.advise(memmap2::Advice::HugePage);
    Ok(chunk)
}
