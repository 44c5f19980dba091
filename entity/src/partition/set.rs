use std::{
    hash::{BuildHasher, RandomState},
    io,
    marker::PhantomData,
    mem,
};

use super::{Code, Key, Record, Spool, spool::Block};
use crate::VectorId;

/// How many parts a set has.
pub(crate) const PARTS: usize = 256;

/// What records are distributed by: another one each time, so that no list of ids can be made that falls into one part.
/// Sets that are compared with each other have the same.
#[derive(Clone)]
pub(crate) struct Seed {
    texts: RandomState,
    numbers: [u64; 2],
}

impl Seed {
    pub(crate) fn new() -> Self {
        let texts = RandomState::new();
        let numbers = [texts.hash_one(0_u8), texts.hash_one(1_u8)];
        Self { texts, numbers }
    }

    /// A product of 128 bits, folded, as wyhash has it: several times as fast as SipHash.
    pub(crate) fn of_numbers(&self, high: u64, low: u64) -> u64 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        fold(fold(high ^ self.numbers[0], low ^ self.numbers[1]), ODD)
    }

    pub(crate) fn of_id(&self, id: &VectorId) -> u64 {
        self.texts.hash_one(id)
    }
}

fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    let [low, high] = [product as u64, (product >> 64) as u64];
    low ^ high
}

/// Records by the hash of their keys.
pub(crate) struct Set<K, P> {
    parts: Vec<Part<K, P>>,
    seed: Seed,
}

/// The records of a set whose keys have the same part of their hash.
pub(crate) struct Part<K, P> {
    stored: Vec<Block>,
    /// Not full yet.
    last: Vec<u8>,
    records: PhantomData<fn() -> Record<K, P>>,
}

impl<K: Key, P: Code> Set<K, P> {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self {
            parts: (0..PARTS).map(|_| Part::default()).collect(),
            seed: seed.clone(),
        }
    }

    /// Adds a record; one that is there already is there twice then.
    pub(crate) fn push(&mut self, spool: &Spool, key: K, payload: P) -> io::Result<()> {
        let hash = key.hash(&self.seed);
        let part = (hash >> (u64::BITS - PARTS.ilog2())) as usize;
        match self.parts.get_mut(part) {
            Some(part) => part.push(spool, &Record { key, payload }),
            None => Ok(()),
        }
    }

    /// Returns a part, and leaves an empty one in its place.
    pub(crate) fn take(&mut self, part: usize) -> Part<K, P> {
        self.parts.get_mut(part).map(mem::take).unwrap_or_default()
    }
}

impl<K, P> Default for Part<K, P> {
    fn default() -> Self {
        Self {
            stored: Vec::new(),
            last: Vec::new(),
            records: PhantomData,
        }
    }
}

impl<K: Key, P: Code> Part<K, P> {
    fn push(&mut self, spool: &Spool, record: &Record<K, P>) -> io::Result<()> {
        if self.last.capacity() == 0 {
            self.last.reserve_exact(spool.block_bytes());
        }
        // Short of a full block, so that it does not grow for records of a fixed size.
        const LONGEST_FIXED: usize = 32;
        record.encode(&mut self.last);
        match self.last.len() + LONGEST_FIXED > spool.block_bytes() {
            true => {
                let block = spool.store(&mut self.last)?;
                self.stored.push(block);
                Ok(())
            }
            false => Ok(()),
        }
    }

    /// Takes the records out one after the other.
    pub(crate) fn drain(
        self,
        spool: &Spool,
        mut take: impl FnMut(Record<K, P>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        for block in self.stored {
            spool.take(block, &mut bytes)?;
            each(&bytes, &mut take)?;
        }
        each(&self.last, &mut take)
    }
}

fn each<K: Code, P: Code>(
    mut block: &[u8],
    take: &mut impl FnMut(Record<K, P>) -> io::Result<()>,
) -> io::Result<()> {
    while !block.is_empty() {
        let record = Record::decode(&mut block).ok_or(io::ErrorKind::InvalidData)?;
        take(record)?;
    }
    Ok(())
}
