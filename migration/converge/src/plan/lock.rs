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
    duration: Duration,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duration {
    /// No session waits, or the text of the lock says how long.
    AsStated,
    /// A moment, while the catalog changes.
    Moment,
    /// No time: other sessions go on; which ones.
    Concurrent(&'static str),
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
    const fn new(held: &'static str, duration: Duration) -> Self {
        Self {
            held,
            duration,
            end: End::OfTheStep,
        }
    }

    pub(super) const fn as_stated(held: &'static str) -> Self {
        Self::new(held, Duration::AsStated)
    }

    pub(super) const fn for_a_moment(held: &'static str) -> Self {
        Self::new(held, Duration::Moment)
    }

    pub(super) const fn concurrent(held: &'static str, others: &'static str) -> Self {
        Self::new(held, Duration::Concurrent(others))
    }

    pub(super) const fn while_read(held: &'static str, work: &'static str) -> Self {
        Self::new(held, Duration::Read(work))
    }

    pub(super) const fn while_rewritten(held: &'static str, work: &'static str) -> Self {
        Self::new(held, Duration::Rewritten(work))
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
        self.held.starts_with("ACCESS EXCLUSIVE") || self.duration == Duration::AsStated
    }

    /// Returns whether a larger table holds the lock for longer.
    pub(crate) fn grows(&self) -> bool {
        match self.duration {
            Duration::AsStated | Duration::Moment | Duration::Concurrent(_) => false,
            Duration::Read(_) | Duration::Rewritten(_) => true,
        }
    }

    /// Returns whether the table is copied or rewritten.
    pub(crate) fn rewrites(&self) -> bool {
        matches!(self.duration, Duration::Rewritten(_))
    }

    /// Returns the sentence of `check`, with the size of the table if the time depends on it.
    pub(crate) fn sentence(&self, size: Option<Size>, tables: &Tables<'_>) -> String {
        let parents = tables.parents.join(" and ");
        let held = self.held.replace(TABLE, tables.table);
        let held = held.replace(PARENTS, &parents);
        let size = size.map_or(String::new(), |size| format!(" ({size})"));
        match (self.duration, self.end) {
            (Duration::AsStated, _) => held,
            (Duration::Moment, End::OfTheStep) => format!("{held}, for a moment"),
            (Duration::Moment, End::OfTheTransaction) => {
                format!("{held}, until the transaction ends")
            }
            (Duration::Concurrent(others), End::OfTheStep) => format!("{held}: {others}"),
            (Duration::Concurrent(others), End::OfTheTransaction) => {
                format!("{held}, until the transaction ends: {others}")
            }
            (Duration::Read("") | Duration::Rewritten(""), _) => format!("{held}{size}"),
            (Duration::Read(work) | Duration::Rewritten(work), End::OfTheStep) => {
                format!("{held}, {work}{size}")
            }
            (Duration::Read(work) | Duration::Rewritten(work), End::OfTheTransaction) => {
                format!("{held}, until the transaction ends: {work}{size}")
            }
        }
    }
}
