use std::{io, mem};

use super::{Code, Key, Part, Record, Seed, Set, Spool};

/// How many bytes of records may be loaded at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) usize);

/// The records of a part.
pub(crate) enum Loaded<K, P> {
    /// Sorted, each key once.
    Sorted(Vec<Record<K, P>>),
    /// Too many for the memory: distributed anew.
    Split(Box<Set<K, P>>),
}

/// Loads a part. Of records with equal keys one is left: `merge` gets the one that was kept and the next in order, and
/// makes of the first what stands for both.
///
/// Memory is that of the distinct keys: equal ones are merged while the part is loaded. Where that is still above the
/// limit, the part is distributed anew by `seed`, with which the parts that it is compared with are to be split too.
pub(crate) fn load<K: Key, P: Code + Ord>(
    part: Part<K, P>,
    spool: &Spool,
    limit: Limit,
    seed: &Seed,
    merge: &mut impl FnMut(&mut Record<K, P>, &Record<K, P>),
) -> io::Result<Loaded<K, P>> {
    let mut loaded = Loading {
        records: Vec::new(),
        bytes: 0,
        limit: limit.0,
    };
    let mut split: Option<Box<Set<K, P>>> = None;
    part.drain(spool, |record| {
        if let Some(set) = &mut split {
            return set.push(spool, record.key, record.payload);
        }
        loaded.push(record);
        if loaded.bytes > loaded.limit {
            loaded.merge(merge);
            // One record alone cannot be divided.
            if loaded.bytes > loaded.limit / 2 && loaded.records.len() > 1 {
                let set = split.insert(Box::new(Set::new(seed)));
                for record in mem::take(&mut loaded.records) {
                    set.push(spool, record.key, record.payload)?;
                }
            }
        }
        Ok(())
    })?;
    match split {
        Some(set) => Ok(Loaded::Split(set)),
        None => {
            loaded.merge(merge);
            Ok(Loaded::Sorted(loaded.records))
        }
    }
}

impl<K: Key, P: Code> Loaded<K, P> {
    /// Returns the same as a set, distributed by `seed`.
    pub(crate) fn split(self, spool: &Spool, seed: &Seed) -> io::Result<Set<K, P>> {
        let records = match self {
            Self::Split(set) => return Ok(*set),
            Self::Sorted(records) => records,
        };
        let mut set = Set::new(seed);
        for record in records {
            set.push(spool, record.key, record.payload)?;
        }
        Ok(set)
    }
}

struct Loading<K, P> {
    records: Vec<Record<K, P>>,
    bytes: usize,
    limit: usize,
}

impl<K: Key, P: Ord> Loading<K, P> {
    fn push(&mut self, record: Record<K, P>) {
        self.bytes += bytes(&record);
        self.records.push(record);
    }

    fn merge(&mut self, merge: &mut impl FnMut(&mut Record<K, P>, &Record<K, P>)) {
        self.records.sort_unstable();
        self.records.dedup_by(|next, kept| {
            let is_same = next.key == kept.key;
            if is_same {
                merge(kept, next);
            }
            is_same
        });
        self.bytes = self.records.iter().map(bytes).sum();
    }
}

/// A list that grows has up to twice the room that it needs.
fn bytes<K: Key, P>(record: &Record<K, P>) -> usize {
    2 * size_of::<Record<K, P>>() + record.key.heap_bytes()
}
