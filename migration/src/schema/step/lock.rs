/// What other sessions cannot do during a step, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    words: &'static str,
    length: Length,
}

/// What the time grows with for which a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// Nothing: the catalog changes, or others go on meanwhile.
    Fixed,
    /// The bytes of the table, which are read or written under the lock.
    Table,
}

impl Lock {
    pub(super) const fn fixed(words: &'static str) -> Self {
        Self {
            words,
            length: Length::Fixed,
        }
    }

    pub(super) const fn of_the_table(words: &'static str) -> Self {
        Self {
            words,
            length: Length::Table,
        }
    }

    /// Whether the lock is held for longer the larger the table is.
    pub(crate) fn grows(&self) -> bool {
        match self.length {
            Length::Fixed => false,
            Length::Table => true,
        }
    }

    /// The sentence of `check`, with the size of the table where the time depends on it.
    pub(crate) fn sentence(&self, size: Option<&str>) -> String {
        match (self.length, size) {
            (Length::Table, Some(size)) => format!("{} ({size})", self.words),
            (Length::Fixed | Length::Table, _) => self.words.to_owned(),
        }
    }
}
