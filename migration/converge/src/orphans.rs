//! Orphans: rows that reference a row that does not exist. They may be the only record of what
//! another store still contains, so none of them is deleted before its values are stored elsewhere.

use std::{
    fmt, io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::Error;

/// A row that references a row that does not exist, as it was before it was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Orphan {
    /// The table of the row.
    pub table: String,
    /// The declared columns in their order, each with its value. A legacy table may lack some of
    /// them.
    pub values: Vec<(String, OrphanValue)>,
}

/// A value of an orphan, exactly as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrphanValue {
    /// NULL, or a column that the table does not have.
    Null,
    /// An integer.
    Number(i64),
    /// Any other value, as the database prints it.
    Text(String),
}

impl Orphan {
    /// Returns the value of a column, as text; `None` if it is NULL or the table has no such
    /// column.
    pub fn get(&self, column: &str) -> Option<String> {
        let value = self.values.iter().find(|(name, _)| name == column);
        match &value?.1 {
            OrphanValue::Null => None,
            OrphanValue::Number(number) => Some(number.to_string()),
            OrphanValue::Text(text) => Some(text.clone()),
        }
    }
}

/// A place that keeps the values of orphans beyond their deletion: a file, a table, a queue, or a
/// `Vec<Orphan>`.
///
/// `repair` stores each row, flushes, and only then commits the deletion. No row is deleted that
/// was not stored.
pub trait OrphanSink: Send {
    /// Stores these rows, a few hundred at a time.
    ///
    /// # Errors
    ///
    /// The reason why they were not stored. Nothing is deleted then.
    fn store(&mut self, orphans: &[Orphan]) -> io::Result<()>;

    /// Makes durable what was stored.
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Removes the rows that were stored last, this many, because their deletion was rolled back.
    /// Rows of a [`store`](Self::store) that failed are included.
    ///
    /// A row is not removed if its deletion may have been committed, or if a caller's own
    /// transaction has deleted it: only the caller knows whether that is rolled back.
    ///
    /// # Errors
    ///
    /// The reason why they were not removed.
    fn withdraw(&mut self, orphans: u64) -> io::Result<()>;
}

impl OrphanSink for Vec<Orphan> {
    fn store(&mut self, orphans: &[Orphan]) -> io::Result<()> {
        self.extend_from_slice(orphans);
        Ok(())
    }

    fn withdraw(&mut self, orphans: u64) -> io::Result<()> {
        let rows = usize::try_from(orphans).unwrap_or(usize::MAX);
        self.truncate(self.len().saturating_sub(rows));
        Ok(())
    }
}

/// What `repair` does with orphans.
#[derive(Default)]
pub enum Orphans<'s> {
    /// Keeps them, and leaves the foreign key as it is.
    #[default]
    Keep,
    /// Deletes them, after their values were stored here.
    Delete(&'s mut dyn OrphanSink),
}

impl fmt::Debug for Orphans<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Delete(_) => "Delete",
        })
    }
}

/// The caller's sink, and the number of rows that it has stored.
pub struct Handover<'s>(Mutex<State<'s>>);

struct State<'s> {
    sink: &'s mut dyn OrphanSink,
    rows: u64,
    /// The number of those rows that are deleted for good.
    committed: u64,
}

impl<'s> Handover<'s> {
    /// Returns a handover to this sink.
    pub fn to(sink: &'s mut dyn OrphanSink) -> Self {
        Self(Mutex::new(State {
            sink,
            rows: 0,
            committed: 0,
        }))
    }

    /// Returns how many rows were handed over and not taken back.
    pub fn rows(&self) -> u64 {
        self.state().rows
    }

    pub(crate) fn store(&self, orphans: &[Orphan]) -> io::Result<()> {
        let mut state = self.state();
        // Some of them may be stored before it fails.
        state.rows += u64::try_from(orphans.len()).unwrap_or(u64::MAX);
        state.sink.store(orphans)
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        self.state().sink.flush()
    }

    /// Marks the rows that were handed over as deleted for good.
    pub(crate) fn commit(&self) {
        let mut state = self.state();
        state.committed = state.rows;
    }

    /// Takes back the rows that are not deleted for good, because their deletion was rolled back.
    ///
    /// # Errors
    ///
    /// [`Error::OrphansNotWithdrawn`] if the sink could not remove them.
    pub fn roll_back(&self) -> Result<(), Error> {
        let committed = self.state().committed;
        self.withdraw_to(committed)
            .map_err(|source| Error::OrphansNotWithdrawn { source })
    }

    /// Takes back all rows except the first ones, this many.
    pub(crate) fn withdraw_to(&self, rows: u64) -> io::Result<()> {
        let mut state = self.state();
        match state.rows.saturating_sub(rows) {
            0 => Ok(()),
            undone => {
                state.rows = rows;
                state.sink.withdraw(undone)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<'s>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
