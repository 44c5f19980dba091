/// What other sessions cannot do during a step, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    words: &'static str,
    length: Length,
    end: End,
}

/// When others are let go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    OfTheStep,
    /// Which is another's, and has more to do.
    OfTheTransaction,
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
            end: End::OfTheStep,
        }
    }

    pub(super) const fn of_the_table(words: &'static str) -> Self {
        Self {
            words,
            length: Length::Table,
            end: End::OfTheStep,
        }
    }

    /// The same in a transaction that goes on after the step.
    pub(super) fn until_the_transaction_ends(self) -> Self {
        Self {
            end: End::OfTheTransaction,
            ..self
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
        let sentence = match (self.length, size) {
            (Length::Table, Some(size)) => format!("{} ({size})", self.words),
            (Length::Fixed | Length::Table, _) => self.words.to_owned(),
        };
        match self.end {
            End::OfTheTransaction if !sentence.starts_with("none") => format!(
                "{}, until the transaction ends",
                sentence.trim_end_matches(", for a moment")
            ),
            End::OfTheTransaction | End::OfTheStep => sentence,
        }
    }
}
