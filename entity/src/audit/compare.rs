//! Compares what was kept, part by part, on several threads.

use std::{
    io,
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    Finding, Histogram, PageKey, Point,
    emit::{Emitter, Stop},
    point::Spelling,
    sets::{Ids, Sets},
};
use crate::{
    VectorId,
    partition::{
        Key, Limit, Loaded, Loading, Name, Order, PARTS, Part, Record, Seed, Set, Spool, UuidKey,
        load,
    },
};

/// More would share the memory of the parts among them.
const MOST_THREADS: usize = 4;

/// How often a part that does not fit is distributed anew. Each time leaves the 256th of it.
const MOST_SPLITS: u32 = 6;

/// What was counted while parts were compared.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) pages: Histogram,
    pub(super) repeated_points: u64,
}

/// Compares all parts, within so many bytes of memory.
pub(super) fn compare(
    sets: Sets,
    spool: &Spool,
    memory: usize,
    emitter: &Emitter,
) -> Result<Counted, Stop> {
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(MOST_THREADS);
    let sets = Mutex::new(sets);
    let next = AtomicUsize::new(0);
    let compared = thread::scope(|scope| {
        let work = || {
            let mut worker = Worker {
                spool,
                // Three lists of one part, at the most.
                limit: Limit(memory / threads / 3),
                emitter: emitter.clone(),
                counted: Counted::default(),
            };
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= PARTS {
                    break worker.finish();
                }
                worker.part(&sets, part)?;
            }
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut compared = vec![work()];
        compared.extend(others.into_iter().map(|other| {
            let panicked = |_| Err(io::Error::other("a thread has panicked").into());
            other.join().unwrap_or_else(panicked)
        }));
        compared
    });
    let mut all = Counted::default();
    for counted in compared {
        let counted = counted?;
        all.pages.merge(counted.pages);
        all.repeated_points += counted.repeated_points;
    }
    Ok(all)
}

struct Worker<'w> {
    spool: &'w Spool,
    limit: Limit,
    emitter: Emitter,
    counted: Counted,
}

/// The lists of one part.
struct Lists<K> {
    recorded: Part<K, PageKey>,
    points: Option<Part<K, Spelling>>,
    earlier: Option<Part<K, ()>>,
}

impl<'w> Worker<'w> {
    fn finish(mut self) -> Result<Counted, Stop> {
        self.emitter.flush()?;
        Ok(self.counted)
    }

    fn part(&mut self, sets: &Mutex<Sets>, part: usize) -> Result<(), Stop> {
        let (pages, uuids, names) = {
            let mut sets = sets.lock().unwrap_or_else(PoisonError::into_inner);
            let pages = sets.pages.take(part);
            let uuids = lists::<Uuids>(&mut sets, part);
            let names = lists::<Names>(&mut sets, part);
            (pages, uuids, names)
        };
        self.pages(pages, 0)?;
        self.ids(uuids, 0)?;
        self.ids(names, 0)
    }

    fn pages(&mut self, part: Part<PageKey, u32>, splits: u32) -> Result<(), Stop> {
        let mut merge = |kept: &mut Record<PageKey, u32>, next: &Record<PageKey, u32>| {
            kept.payload = kept.payload.saturating_add(next.payload);
        };
        let seed = Seed::new();
        match load(part, self.loading(splits, Order::Any, &seed), &mut merge)? {
            Loaded::Distinct(pages) => {
                for page in pages {
                    self.counted.pages.count(page.payload.into(), page.key);
                }
            }
            Loaded::Split(mut set) => {
                for part in 0..PARTS {
                    self.pages(set.take(part), splits + 1)?;
                }
            }
        }
        Ok(())
    }

    fn ids<K>(&mut self, lists: Lists<K>, splits: u32) -> Result<(), Stop>
    where
        K: Key + Clone + Into<VectorId>,
    {
        let seed = Seed::new();
        let spool = self.spool;
        let order = match lists.points {
            Some(_) => Order::Sorted,
            None => Order::Any,
        };
        let loading = self.loading(splits, order, &seed);
        let emitter = &mut self.emitter;
        let recorded = load(lists.recorded, loading, &mut |kept, next| {
            emitter.push(twice(&next.key, kept.payload, next.payload));
            // In order, so that each is compared with its neighbour.
            kept.payload = next.payload;
        })?;
        let repeated = &mut self.counted.repeated_points;
        let load_points = |part| load(part, loading, &mut |_, _| *repeated += 1);
        let points = lists.points.map(load_points).transpose()?;
        let load_earlier = |part| load(part, loading, &mut |_, _| {});
        let earlier = lists.earlier.map(load_earlier).transpose()?;
        match (recorded, points, earlier) {
            (Loaded::Distinct(_), None, _) => {}
            (Loaded::Distinct(recorded), Some(Loaded::Distinct(points)), None) => {
                difference(&recorded, &points, None, emitter);
            }
            (
                Loaded::Distinct(recorded),
                Some(Loaded::Distinct(points)),
                Some(Loaded::Distinct(earlier)),
            ) => difference(&recorded, &points, Some(&earlier), emitter),
            (recorded, points, earlier) => {
                let split = |one: Loaded<K, Spelling>| one.split(spool, &seed);
                let mut recorded = recorded.split(spool, &seed)?;
                let mut points = points.map(split).transpose()?;
                let mut earlier = earlier.map(|one| one.split(spool, &seed)).transpose()?;
                for part in 0..PARTS {
                    let lists = Lists {
                        recorded: recorded.take(part),
                        points: points.as_mut().map(|set| set.take(part)),
                        earlier: earlier.as_mut().map(|set| set.take(part)),
                    };
                    self.ids(lists, splits + 1)?;
                }
            }
        }
        self.emitter.require_reader()
    }

    fn loading<'l>(&self, splits: u32, order: Order, seed: &'l Seed) -> Loading<'l>
    where
        'w: 'l,
    {
        let limit = match splits < MOST_SPLITS {
            true => self.limit,
            false => Limit(usize::MAX),
        };
        Loading {
            spool: self.spool,
            limit,
            order,
            seed,
        }
    }
}

/// Both halves of [`Ids`], by the type of their keys.
trait Half {
    type Key: Key;

    fn of<P>(ids: &mut Ids<P>) -> &mut Set<Self::Key, P>;
}

enum Uuids {}

impl Half for Uuids {
    type Key = UuidKey;

    fn of<P>(ids: &mut Ids<P>) -> &mut Set<UuidKey, P> {
        &mut ids.uuids
    }
}

enum Names {}

impl Half for Names {
    type Key = Name;

    fn of<P>(ids: &mut Ids<P>) -> &mut Set<Name, P> {
        &mut ids.names
    }
}

fn lists<H: Half>(sets: &mut Sets, part: usize) -> Lists<H::Key> {
    Lists {
        recorded: H::of(&mut sets.recorded).take(part),
        points: sets.points.as_mut().map(|ids| H::of(ids).take(part)),
        earlier: sets.earlier.as_mut().map(|ids| H::of(ids).take(part)),
    }
}

fn twice<K: Clone + Into<VectorId>>(key: &K, first: PageKey, second: PageKey) -> Finding {
    let id = key.clone().into();
    match first == second {
        true => Finding::TwiceInPage { id, page: first },
        false => Finding::InTwoPages {
            id,
            pages: [first, second],
        },
    }
}

/// All are sorted, each key once.
fn difference<K: Ord + Clone + Into<VectorId>>(
    recorded: &[Record<K, PageKey>],
    points: &[Record<K, Spelling>],
    earlier: Option<&[Record<K, ()>]>,
    emitter: &mut Emitter,
) {
    let is_old = |key: &K| {
        earlier.is_none_or(|earlier| earlier.binary_search_by(|one| one.key.cmp(key)).is_ok())
    };
    let stray = |point: &Record<K, Spelling>| Finding::Stray {
        point: Point::new(point.key.clone().into(), point.payload),
    };
    let mut points = points.iter().peekable();
    for row in recorded {
        while let Some(point) = points.next_if(|point| point.key < row.key) {
            if is_old(&point.key) {
                emitter.push(stray(point));
            }
        }
        if points.next_if(|point| point.key == row.key).is_none() {
            emitter.push(Finding::Missing {
                id: row.key.clone().into(),
                page: row.payload,
            });
        }
    }
    for point in points.filter(|point| is_old(&point.key)) {
        emitter.push(stray(point));
    }
}
