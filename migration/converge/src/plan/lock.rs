use crate::{declare::Shape, facts::Size};

/// Placeholders in the text of a lock, for the table and for those that it refers to.
pub(super) const TABLE: &str = "{table}";
pub(super) const PARENTS: &str = "{parents}";

/// The tables that a lock names.
pub(crate) struct Tables<'t> {
    pub(crate) table: &'t str,
    pub(crate) parents: Vec<&'t str>,
}

impl<'t> Tables<'t> {
    /// Returns the table of a change, and the tables that it refers to.
    pub(crate) fn of(shape: &'t Shape, table: &'t str) -> Self {
        let declared = shape.table_named(table).into_iter();
        let keys = declared.flat_map(|declared| &declared.foreign_keys);
        Self {
            table,
            parents: keys.map(|key| key.table.as_str()).collect(),
        }
    }
}

/// What other sessions cannot do during a step, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    held: &'static str,
    length: Length,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// No session waits, or the text of the lock says how long.
    Said,
    /// A moment, while the catalog changes.
    Moment,
    /// No time: other sessions go on; which ones.
    Beside(&'static str),
    /// While the table is read under the lock; what is done, if the text does not say it.
    Read(&'static str),
    /// While the table is rewritten, under the lock or concurrently with other sessions; what is
    /// done.
    Rewritten(&'static str),
}

/// When the lock is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    OfTheStep,
    /// At the end of another transaction, which has more to do.
    OfTheTransaction,
}

impl Lock {
    const fn new(held: &'static str, length: Length) -> Self {
        Self {
            held,
            length,
            end: End::OfTheStep,
        }
    }

    pub(super) const fn said(held: &'static str) -> Self {
        Self::new(held, Length::Said)
    }

    pub(super) const fn for_a_moment(held: &'static str) -> Self {
        Self::new(held, Length::Moment)
    }

    pub(super) const fn beside(held: &'static str, others: &'static str) -> Self {
        Self::new(held, Length::Beside(others))
    }

    pub(super) const fn while_read(held: &'static str, work: &'static str) -> Self {
        Self::new(held, Length::Read(work))
    }

    pub(super) const fn while_rewritten(held: &'static str, work: &'static str) -> Self {
        Self::new(held, Length::Rewritten(work))
    }

    /// Returns the same lock in a transaction that goes on after the step.
    pub(super) fn until_the_transaction_ends(self) -> Self {
        Self {
            end: End::OfTheTransaction,
            ..self
        }
    }

    /// Returns whether the lock blocks readers of the table too, on PostgreSQL.
    pub(crate) fn excludes_readers(&self) -> bool {
        self.held.starts_with("ACCESS EXCLUSIVE") || self.length == Length::Said
    }

    /// Returns whether a larger table holds the lock for longer.
    pub(crate) fn grows(&self) -> bool {
        match self.length {
            Length::Said | Length::Moment | Length::Beside(_) => false,
            Length::Read(_) | Length::Rewritten(_) => true,
        }
    }

    /// Returns whether the table is copied or rewritten.
    pub(crate) fn rewrites(&self) -> bool {
        matches!(self.length, Length::Rewritten(_))
    }

    /// Returns the sentence of `check`, with the size of the table if the time depends on it.
    pub(crate) fn sentence(&self, size: Option<Size>, tables: &Tables<'_>) -> String {
        let parents = tables.parents.join(" and ");
        let held = self.held.replace(TABLE, tables.table);
        let held = held.replace(PARENTS, &parents);
        let size = size.map_or(String::new(), |size| format!(" ({size})"));
        match (self.length, self.end) {
            (Length::Said, _) => held,
            (Length::Moment, End::OfTheStep) => format!("{held}, for a moment"),
            (Length::Moment, End::OfTheTransaction) => {
                format!("{held}, until the transaction ends")
            }
            (Length::Beside(others), End::OfTheStep) => format!("{held}: {others}"),
            (Length::Beside(others), End::OfTheTransaction) => {
                format!("{held}, until the transaction ends: {others}")
            }
            (Length::Read("") | Length::Rewritten(""), _) => format!("{held}{size}"),
            (Length::Read(work) | Length::Rewritten(work), End::OfTheStep) => {
                format!("{held}, {work}{size}")
            }
            (Length::Read(work) | Length::Rewritten(work), End::OfTheTransaction) => {
                format!("{held}, until the transaction ends: {work}{size}")
            }
        }
    }
}
