use std::io;

use memmap2::{MmapMut, MmapOptions};

/// Memory for blocks, in slots of one size, which are used again once their blocks are read.
///
/// The allocator would get it from the kernel in pages of 4 KiB, and a large part of an audit would be page faults.
pub(super) struct Memory {
    slot_bytes: usize,
    /// How many slots may still be made.
    room: usize,
    chunks: Vec<MmapMut>,
    /// Where the next slot of the last chunk begins.
    next: usize,
    free: Vec<Slot>,
}

/// The place of a block.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    chunk: usize,
    at: usize,
}

const CHUNK: usize = 32 << 20;

impl Memory {
    /// Returns a memory of so many bytes, which keeps blocks of up to `slot_bytes`.
    pub(super) fn new(bytes: usize, slot_bytes: usize) -> Self {
        Self {
            slot_bytes,
            room: bytes / slot_bytes,
            chunks: Vec::new(),
            next: CHUNK,
            free: Vec::new(),
        }
    }

    /// Stores a block, unless it is longer than a slot or no slot is left.
    pub(super) fn store(&mut self, block: &[u8]) -> Option<Slot> {
        if block.len() > self.slot_bytes {
            return None;
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.make_slot()?,
        };
        let chunk = self.chunks.get_mut(slot.chunk)?;
        chunk
            .get_mut(slot.at..slot.at + block.len())?
            .copy_from_slice(block);
        Some(slot)
    }

    /// Returns the first bytes of a slot, whose place is free from then on.
    pub(super) fn take(&mut self, slot: Slot, length: usize) -> Option<&[u8]> {
        self.free.push(slot);
        let chunk = self.chunks.get(slot.chunk)?;
        chunk.get(slot.at..slot.at + length)
    }

    fn make_slot(&mut self) -> Option<Slot> {
        self.room = self.room.checked_sub(1)?;
        if self.slot_bytes > CHUNK - self.next {
            match chunk() {
                Ok(chunk) => self.chunks.push(chunk),
                // Whatever comes next goes to the file.
                Err(_) => {
                    self.room = 0;
                    return None;
                }
            }
            self.next = 0;
        }
        let at = self.next;
        self.next += self.slot_bytes;
        Some(Slot {
            chunk: self.chunks.len() - 1,
            at,
        })
    }
}

fn chunk() -> io::Result<MmapMut> {
    let chunk = MmapOptions::new().len(CHUNK).map_anon()?;
    // Without huge pages it only takes longer.
    #[cfg(target_os = "linux")]
    let _ = chunk.advise(memmap2::Advice::HugePage);
    Ok(chunk)
}
