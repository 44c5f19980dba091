use std::{io, mem};

use super::{Code, Key, Part, Record, Seed, Set, Spool};

/// How many bytes of records may be loaded at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) usize);

/// The order in which records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// To be compared with others.
    Sorted,
    /// Sorting costs more than to see that no key is there twice.
    Any,
}

/// How a part is loaded.
#[derive(Clone, Copy)]
pub(crate) struct Loading<'l> {
    pub(crate) spool: &'l Spool,
    pub(crate) limit: Limit,
    pub(crate) order: Order,
    /// What a part that does not fit is distributed by, and those that it is compared with.
    pub(crate) seed: &'l Seed,
}

/// The records of a part.
pub(crate) enum Loaded<K, P> {
    /// Each key once.
    Distinct(Vec<Record<K, P>>),
    /// Too many for the memory: distributed anew.
    Split(Box<Set<K, P>>),
}

/// Loads a part. Of records with equal keys one is left: `merge` gets the one that was kept and the next in order, and
/// makes of the first what stands for both.
///
/// Memory is that of the distinct keys: equal ones are merged while the part is loaded. Where that is still above the
/// limit, the part is distributed anew, and the parts that it is compared with are to be split too.
pub(crate) fn load<K: Key, P: Code + Ord>(
    part: Part<K, P>,
    loading: Loading<'_>,
    merge: &mut impl FnMut(&mut Record<K, P>, &Record<K, P>),
) -> io::Result<Loaded<K, P>> {
    let Loading {
        spool,
        limit,
        order,
        seed,
    } = loading;
    let mut loaded = Records {
        list: Vec::new(),
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
            if loaded.bytes > loaded.limit / 2 && loaded.list.len() > 1 {
                let set = split.insert(Box::new(Set::new(seed)));
                for record in mem::take(&mut loaded.list) {
                    set.push(spool, record.key, record.payload)?;
                }
            }
        }
        Ok(())
    })?;
    match split {
        Some(set) => Ok(Loaded::Split(set)),
        None => {
            if order == Order::Sorted || has_twice(&loaded.list, seed) {
                loaded.merge(merge);
            }
            Ok(Loaded::Distinct(loaded.list))
        }
    }
}

impl<K: Key, P: Code> Loaded<K, P> {
    /// Returns the same as a set, distributed by `seed`.
    pub(crate) fn split(self, spool: &Spool, seed: &Seed) -> io::Result<Set<K, P>> {
        let records = match self {
            Self::Split(set) => return Ok(*set),
            Self::Distinct(records) => records,
        };
        let mut set = Set::new(seed);
        for record in records {
            set.push(spool, record.key, record.payload)?;
        }
        Ok(set)
    }
}

struct Records<K, P> {
    list: Vec<Record<K, P>>,
    bytes: usize,
    limit: usize,
}

impl<K: Key, P: Ord> Records<K, P> {
    fn push(&mut self, record: Record<K, P>) {
        self.bytes += bytes(&record);
        self.list.push(record);
    }

    fn merge(&mut self, merge: &mut impl FnMut(&mut Record<K, P>, &Record<K, P>)) {
        K::sort(&mut self.list);
        self.list.dedup_by(|next, kept| {
            let is_same = next.key == kept.key;
            if is_same {
                merge(kept, next);
            }
            is_same
        });
        self.bytes = self.list.iter().map(bytes).sum();
    }
}

/// Returns whether a key is there twice, by a table of the positions of the keys.
fn has_twice<K: Key, P>(records: &[Record<K, P>], seed: &Seed) -> bool {
    let slots = (2 * records.len()).next_power_of_two();
    // A position is one more than it is, so that 0 is none.
    let mut table: Vec<u32> = vec![0; slots];
    for (at, record) in records.iter().enumerate() {
        let Ok(position) = u32::try_from(at + 1) else {
            return true;
        };
        let mut slot = record.key.hash(seed) as usize & (slots - 1);
        loop {
            let Some(taken) = table.get_mut(slot) else {
                return true;
            };
            if *taken == 0 {
                *taken = position;
                break;
            }
            let other = records.get(*taken as usize - 1);
            if other.is_none_or(|other| other.key == record.key) {
                return true;
            }
            slot = (slot + 1) & (slots - 1);
        }
    }
    false
}

/// A list that grows has up to twice the room that it needs.
fn bytes<K: Key, P>(record: &Record<K, P>) -> usize {
    2 * size_of::<Record<K, P>>() + record.key.heap_bytes()
}
