use std::{collections::BTreeMap, env};

use uuid::Uuid;

use super::{memory::Memory, *};
use crate::VectorId;

const KEYS: u64 = 20_000;

fn key(number: u64) -> UuidKey {
    Uuid::from_u64_pair(number, number % 7).into()
}

/// Each with its payloads, whatever the memory.
fn gathered(room: usize, limit: usize, order: Order) -> BTreeMap<UuidKey, Vec<u64>> {
    let spool = Spool::new(env::temp_dir(), room, 512);
    let mut set = Set::new(&Seed::new());
    for number in 0..KEYS {
        set.push(&spool, key(number), number).unwrap();
        if number % 3 == 0 {
            set.push(&spool, key(number), number + 1).unwrap();
        }
    }
    let mut all = BTreeMap::new();
    take_all(set, &spool, Limit(limit), order, &mut all);
    all
}

fn take_all(
    mut set: Set<UuidKey, u64>,
    spool: &Spool,
    limit: Limit,
    order: Order,
    all: &mut BTreeMap<UuidKey, Vec<u64>>,
) {
    for part in 0..PARTS {
        let mut merged = Vec::new();
        let loading = Loading {
            spool,
            limit,
            order,
            seed: &Seed::new(),
        };
        let loaded = load(set.take(part), loading, &mut |kept, next| {
            merged.push((next.key, next.payload));
            assert_eq!(kept.key, next.key);
        });
        match loaded.unwrap() {
            Loaded::Distinct(records) => {
                assert!(order == Order::Any || records.is_sorted());
                for record in records {
                    all.entry(record.key).or_default().push(record.payload);
                }
            }
            Loaded::Split(set) => take_all(*set, spool, limit, order, all),
        }
        for (key, payload) in merged {
            all.entry(key).or_default().push(payload);
        }
    }
}

#[test]
fn nothing_is_lost_in_memory_in_a_file_and_where_parts_are_split() {
    let wanted = gathered(usize::MAX, usize::MAX, Order::Sorted);
    assert_eq!(wanted.len() as u64, KEYS);
    assert_eq!(
        wanted.values().map(|one| one.len() as u64).sum::<u64>(),
        KEYS + KEYS.div_ceil(3)
    );
    for (room, limit, order) in [
        (0, usize::MAX, Order::Sorted),
        (0, usize::MAX, Order::Any),
        (100_000, 10_000, Order::Sorted),
        (0, 2_000, Order::Any),
        (0, 100, Order::Sorted),
    ] {
        let mut found = gathered(room, limit, order);
        for (key, payloads) in &mut found {
            payloads.sort_unstable();
            let mut wanted = wanted[key].clone();
            wanted.sort_unstable();
            assert_eq!(*payloads, wanted, "{room} {limit}");
        }
        assert_eq!(found.len(), wanted.len());
    }
}

#[test]
fn one_key_may_have_more_records_than_fit() {
    let spool = Spool::new(env::temp_dir(), 0, 512);
    let mut set = Set::new(&Seed::new());
    for number in 0..100_000 {
        set.push(&spool, key(1), number).unwrap();
    }
    let mut merged = 0;
    let mut left = 0;
    for part in 0..PARTS {
        let loading = Loading {
            spool: &spool,
            limit: Limit(1_000),
            order: Order::Any,
            seed: &Seed::new(),
        };
        match load(set.take(part), loading, &mut |_, _| merged += 1) {
            Ok(Loaded::Distinct(records)) => left += records.len(),
            _ => panic!("it needs no split"),
        }
    }
    assert_eq!((merged, left), (99_999, 1));
}

#[test]
fn names_of_any_length_are_kept() {
    let spool = Spool::new(env::temp_dir(), 0, 512);
    let mut set = Set::new(&Seed::new());
    let names: Vec<VectorId> = (0..2_000)
        .map(|length| VectorId::from("x".repeat(length)))
        .chain((0..2_000).map(VectorId::from))
        .collect();
    for name in &names {
        set.push(&spool, Name::of(name.clone()).unwrap(), ())
            .unwrap();
    }
    let mut found = Vec::new();
    for part in 0..PARTS {
        set.take(part)
            .drain(&spool, |record| {
                found.push(VectorId::from(record.key));
                Ok(())
            })
            .unwrap();
    }
    found.sort();
    let mut names = names;
    names.sort();
    assert_eq!(found, names);
}

#[test]
fn ids_are_spread_evenly() {
    let spool = Spool::new(env::temp_dir(), usize::MAX, 512);
    let mut set = Set::new(&Seed::new());
    for number in 0..256_000 {
        set.push(&spool, key(number), ()).unwrap();
    }
    for part in 0..PARTS {
        let mut count = 0;
        set.take(part)
            .drain(&spool, |_| {
                count += 1;
                Ok(())
            })
            .unwrap();
        assert!((700..1_300).contains(&count), "{count}");
    }
}

#[test]
fn the_place_of_a_block_that_was_read_is_used_again() {
    let mut memory = Memory::new(1_000, 100);
    for round in 0..3_u8 {
        let blocks: Vec<Vec<u8>> = (0..10).map(|number| vec![round, number]).collect();
        let slots: Vec<_> = blocks.iter().filter_map(|one| memory.store(one)).collect();
        assert_eq!(slots.len(), blocks.len());
        assert!(memory.store(&[1]).is_none(), "it is full");
        for (slot, block) in slots.into_iter().zip(&blocks) {
            assert_eq!(memory.take(slot, 2), Some(block.as_slice()));
        }
    }
    assert!(
        memory.store(&[0; 101]).is_none(),
        "it is longer than a slot"
    );
}
