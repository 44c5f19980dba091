use crate::{declare::Shape, facts::Size};

/// Stand in what is held for the table, and for those that it refers to.
pub(super) const TABLE: &str = "{table}";
pub(super) const PARENTS: &str = "{parents}";

/// The tables that a lock names.
pub(crate) struct Tables<'t> {
    pub(crate) table: &'t str,
    pub(crate) parents: Vec<&'t str>,
}

impl<'t> Tables<'t> {
    /// The table of a change, and what it refers to.
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
    /// Nobody waits, or what is held says how long.
    Said,
    /// The catalog changes.
    Moment,
    /// Others go on meanwhile; who.
    Beside(&'static str),
    /// The bytes of the table are read under the lock; what is done, where that is not said.
    Read(&'static str),
    /// The bytes of the table are written anew, under the lock or beside others; the same.
    Rewritten(&'static str),
}

/// When others are let go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    OfTheStep,
    /// Which is another's, and has more to do.
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

    /// The same in a transaction that goes on after the step.
    pub(super) fn until_the_transaction_ends(self) -> Self {
        Self {
            end: End::OfTheTransaction,
            ..self
        }
    }

    /// PostgreSQL: whether readers of the table are held off too.
    pub(crate) fn excludes_readers(&self) -> bool {
        self.held.starts_with("ACCESS EXCLUSIVE") || self.length == Length::Said
    }

    /// Whether the lock is held for longer the larger the table is.
    pub(crate) fn grows(&self) -> bool {
        match self.length {
            Length::Said | Length::Moment | Length::Beside(_) => false,
            Length::Read(_) | Length::Rewritten(_) => true,
        }
    }

    /// Whether the table is copied or rewritten.
    pub(crate) fn rewrites(&self) -> bool {
        matches!(self.length, Length::Rewritten(_))
    }

    /// Returns the sentence of `check`, with the size of the table where the time depends on it.
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
