//! Counts findings by their kind, and keeps the first of each.

use std::collections::{BTreeMap, BTreeSet};

use entity::audit::Finding;

/// What findings are gathered by, in the order of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Kind {
    Unreadable,
    Empty,
    NegativePage,
    TwiceInPage,
    InTwoPages,
    WithoutPages,
    Stray,
    Missing,
}

impl Kind {
    pub(in crate::cli) const ALL: [Self; 8] = [
        Self::Unreadable,
        Self::Empty,
        Self::NegativePage,
        Self::TwiceInPage,
        Self::InTwoPages,
        Self::WithoutPages,
        Self::Stray,
        Self::Missing,
    ];

    fn of(finding: &Finding) -> Self {
        match finding {
            Finding::Unreadable { .. } => Self::Unreadable,
            Finding::Empty { .. } => Self::Empty,
            Finding::NegativePage { .. } => Self::NegativePage,
            Finding::TwiceInPage { .. } => Self::TwiceInPage,
            Finding::InTwoPages { .. } => Self::InTwoPages,
            Finding::WithoutPages { .. } => Self::WithoutPages,
            Finding::Stray { .. } => Self::Stray,
            Finding::Missing { .. } => Self::Missing,
        }
    }

    /// Returns what it is called in JSON.
    pub(in crate::cli) fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Empty => "empty",
            Self::NegativePage => "negative_page",
            Self::TwiceInPage => "twice_in_page",
            Self::InTwoPages => "in_two_pages",
            Self::WithoutPages => "without_pages",
            Self::Stray => "stray",
            Self::Missing => "missing",
        }
    }

    /// Returns whether only a comparison with points finds it.
    pub(in crate::cli) fn is_of_points(self) -> bool {
        match self {
            Self::Stray | Self::Missing => true,
            Self::Unreadable
            | Self::Empty
            | Self::NegativePage
            | Self::TwiceInPage
            | Self::InTwoPages
            | Self::WithoutPages => false,
        }
    }

    /// Returns what was found so many times.
    pub(in crate::cli) fn heading(self, count: u64) -> String {
        let (one, many) = match self {
            Self::Unreadable => ("row that cannot be read", "rows that cannot be read"),
            Self::Empty => (
                "row with an empty list of ids",
                "rows with an empty list of ids",
            ),
            Self::NegativePage => ("row with a negative page", "rows with a negative page"),
            Self::TwiceInPage => (
                "id that is recorded twice for one page",
                "ids that are recorded twice for one page",
            ),
            Self::InTwoPages => (
                "id that is recorded for two pages",
                "ids that are recorded for two pages",
            ),
            Self::WithoutPages => ("document without pages", "documents without pages"),
            Self::Stray => (
                "stray point, which no row names",
                "stray points, which no row names",
            ),
            Self::Missing => (
                "missing point, which a row names",
                "missing points, which rows name",
            ),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// How many of a kind are kept: for the examples, and for a query that lists their rows.
pub(in crate::cli) const KEPT: usize = 100;

/// The findings of one kind.
#[derive(Debug, Default)]
pub(in crate::cli) struct Gathered {
    pub(in crate::cli) count: u64,
    /// The first ones in their order.
    pub(in crate::cli) first: BTreeSet<Finding>,
}

/// The findings by their kinds.
#[derive(Debug, Default)]
pub(in crate::cli) struct Findings(BTreeMap<Kind, Gathered>);

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        let gathered = self.0.entry(Kind::of(&finding)).or_default();
        gathered.count += 1;
        let is_full = gathered.first.len() >= KEPT;
        if is_full && gathered.first.last().is_some_and(|last| *last <= finding) {
            return;
        }
        if is_full {
            gathered.first.pop_last();
        }
        gathered.first.insert(finding);
    }

    pub(in crate::cli) fn of(&self, kind: Kind) -> Option<&Gathered> {
        self.0.get(&kind)
    }

    pub(in crate::cli) fn count(&self, kind: Kind) -> u64 {
        self.of(kind).map_or(0, |gathered| gathered.count)
    }

    /// Returns how many there are of all kinds.
    pub(in crate::cli) fn all(&self) -> u64 {
        self.0.values().map(|gathered| gathered.count).sum()
    }
}
