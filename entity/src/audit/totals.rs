use std::collections::BTreeMap;

use super::PageKey;

/// The totals of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Rows.
    pub rows: u64,
    /// Bytes of text in them.
    pub bytes: u64,
    /// Ids in the rows that could be read, including repeated ones.
    pub ids: u64,
    /// The forms in which the ids are written.
    pub forms: Forms,
    /// The pages by number of ids.
    pub pages: Histogram,
    /// The points that were listed; `None` if none were to be compared.
    pub points: Option<Points>,
}

/// The forms in which ids are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forms {
    /// Ids that are UUIDs.
    pub uuids: u64,
    /// Ids that are numbers.
    pub numbers: u64,
    /// Ids that are other names.
    pub opaque: u64,
    /// Rows with comma-separated ids, as older writers stored them.
    pub comma_separated_rows: u64,
}

/// The points of a vector store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Points {
    /// The number of points that were listed.
    pub listed: u64,
    /// The number of these that were listed more than once.
    pub repeated: u64,
}

/// The number of pages by number of ids.
///
/// Up to 1,024 different numbers are counted one by one; more are gathered in ranges between powers of two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    bars: BTreeMap<u64, Bar>,
    is_gathered: bool,
}

/// Pages whose numbers of ids are in one range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The smallest number of ids.
    pub from: u64,
    /// The largest.
    pub to: u64,
    /// The number of pages.
    pub pages: u64,
    /// One of them, the first.
    pub example: PageKey,
}

const MOST_BARS: usize = 1_024;

impl Histogram {
    /// Returns the bars, the smallest numbers of ids first: no more than so many, if necessary in ranges between powers
    /// of two.
    pub fn bars(&self, at_most: usize) -> Vec<Bar> {
        match self.bars.len() <= at_most {
            true => self.bars.values().copied().collect(),
            false => self.clone().gathered().bars.into_values().collect(),
        }
    }

    /// Returns how many pages were counted.
    pub fn pages(&self) -> u64 {
        self.bars.values().map(|bar| bar.pages).sum()
    }

    pub(super) fn count(&mut self, ids: u64, page: PageKey) {
        self.add(Bar {
            from: ids,
            to: ids,
            pages: 1,
            example: page,
        });
        if self.bars.len() > MOST_BARS && !self.is_gathered {
            *self = std::mem::take(self).gathered();
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        if other.is_gathered && !self.is_gathered {
            *self = std::mem::take(self).gathered();
        }
        for bar in other.bars.into_values() {
            self.add(bar);
        }
        if self.bars.len() > MOST_BARS && !self.is_gathered {
            *self = std::mem::take(self).gathered();
        }
    }

    fn add(&mut self, bar: Bar) {
        let key = match self.is_gathered {
            true => power_of_two(bar.from),
            false => bar.from,
        };
        let all = self.bars.entry(key).or_insert(Bar { pages: 0, ..bar });
        all.from = all.from.min(bar.from);
        all.to = all.to.max(bar.to);
        all.pages += bar.pages;
        all.example = all.example.min(bar.example);
    }

    fn gathered(self) -> Self {
        let mut gathered = Self {
            bars: BTreeMap::new(),
            is_gathered: true,
        };
        for bar in self.bars.into_values() {
            gathered.add(bar);
        }
        gathered
    }
}

/// The largest that is not larger; of 0 it is 0.
fn power_of_two(number: u64) -> u64 {
    number.checked_ilog2().map_or(0, |log| 1 << log)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: PageKey = PageKey { doc_id: 1, page: 1 };

    fn of(numbers: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for ids in numbers {
            histogram.count(ids, PAGE);
        }
        histogram
    }

    fn ranges(bars: &[Bar]) -> Vec<(u64, u64, u64)> {
        bars.iter()
            .map(|bar| (bar.from, bar.to, bar.pages))
            .collect()
    }

    #[test]
    fn few_numbers_are_counted_one_by_one() {
        let bars = of([1030, 3, 1030]).bars(10);
        assert_eq!(ranges(&bars), [(3, 3, 1), (1030, 1030, 2)]);
    }

    #[test]
    fn many_numbers_are_gathered_between_powers_of_two() {
        let bars = of([0, 1, 2, 3, 4, 7]).bars(4);
        assert_eq!(ranges(&bars), [(0, 0, 1), (1, 1, 1), (2, 3, 2), (4, 7, 2)]);
    }

    #[test]
    fn histograms_are_merged_whatever_they_have_counted() {
        let mut all = of(0..2_000);
        assert_eq!(all.bars(100).len(), 12);
        all.merge(of([1_030]));
        let mut other = of([1_030]);
        other.merge(of(0..2_000));
        assert_eq!(all, other);
        assert_eq!(all.pages(), 2_001);
    }
}
