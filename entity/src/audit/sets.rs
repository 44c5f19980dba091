//! What is kept of points and rows until they are compared.

use std::io;

use super::{PageKey, Point, Totals, point::Spelling};
use crate::{
    VectorId, VectorIds,
    partition::{Code, Key, Name, Seed, Set, Spool, UuidKey},
};

/// Ids with what is kept of each, the UUIDs apart: they are almost all, and of a fixed size.
pub(super) struct Ids<P> {
    pub(super) uuids: Set<UuidKey, P>,
    pub(super) names: Set<Name, P>,
}

impl<P: Code> Ids<P> {
    fn new(seed: &Seed) -> Self {
        Self {
            uuids: Set::new(seed),
            names: Set::new(seed),
        }
    }

    pub(super) fn push(&mut self, spool: &Spool, id: VectorId, payload: P) -> io::Result<()> {
        match Name::of(id) {
            Ok(name) => self.names.push(spool, name, payload),
            Err(uuid) => self.uuids.push(spool, uuid.into(), payload),
        }
    }
}

/// Everything that is compared.
pub(super) struct Sets {
    pub(super) recorded: Ids<PageKey>,
    pub(super) pages: Set<PageKey, u32>,
    /// The points of the store; none where none are compared.
    pub(super) points: Option<Ids<Spelling>>,
    /// The points that an earlier report called stray.
    pub(super) earlier: Option<Ids<()>>,
    seed: Seed,
}

/// How many sets there may be, for the memory of their last blocks.
pub(super) const SETS: usize = 7;

impl Sets {
    pub(super) fn new() -> Self {
        let seed = Seed::new();
        Self {
            recorded: Ids::new(&seed),
            pages: Set::new(&seed),
            points: None,
            earlier: None,
            seed,
        }
    }

    pub(super) fn add_point(&mut self, spool: &Spool, point: Point) -> io::Result<()> {
        let points = self.points.get_or_insert_with(|| Ids::new(&self.seed));
        let (id, spelling) = point.into_parts();
        points.push(spool, id, spelling)
    }

    pub(super) fn add_earlier(&mut self, spool: &Spool, point: Point) -> io::Result<()> {
        let earlier = self.earlier.get_or_insert_with(|| Ids::new(&self.seed));
        earlier.push(spool, point.into_parts().0, ())
    }

    /// An empty list is one too.
    pub(super) fn begin_points(&mut self) {
        self.points.get_or_insert_with(|| Ids::new(&self.seed));
    }

    pub(super) fn begin_earlier(&mut self) {
        self.earlier.get_or_insert_with(|| Ids::new(&self.seed));
    }

    pub(super) fn add_row(
        &mut self,
        spool: &Spool,
        page: PageKey,
        ids: VectorIds,
        totals: &mut Totals,
    ) -> io::Result<()> {
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        self.pages.push(spool, page, count)?;
        totals.ids += u64::from(count);
        for id in ids {
            match &id {
                VectorId::Uuid(_) => totals.forms.uuids += 1,
                VectorId::Number(_) => totals.forms.numbers += 1,
                VectorId::Opaque(_) => totals.forms.opaque += 1,
            }
            self.recorded.push(spool, id, page)?;
        }
        Ok(())
    }
}

impl Code for PageKey {
    fn encode(&self, block: &mut Vec<u8>) {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.doc_id.to_le_bytes());
        bytes[4..].copy_from_slice(&self.page.to_le_bytes());
        block.extend_from_slice(&bytes);
    }

    fn decode(block: &mut &[u8]) -> Option<Self> {
        Some(Self {
            doc_id: i32::decode(block)?,
            page: i32::decode(block)?,
        })
    }
}

impl Key for PageKey {
    fn hash(&self, seed: &Seed) -> u64 {
        seed.of_numbers(self.doc_id as u64, self.page as u64)
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}
