//! Rows whose document does not exist: they are the only record of vectors that the vector store still has, so
//! that none of them goes before somebody else has what it says.

use std::{
    fmt, io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::Error;

/// A row of `vectors` whose document does not exist, as it was before it was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Orphan {
    /// The row's id, as the database prints it. A legacy table may have rows without one.
    pub id: Option<String>,
    /// The document that does not exist.
    pub doc_id: i64,
    /// The page, as the database prints it.
    pub page: Option<String>,
    /// The ids in the vector store, just as they are stored: a JSON array or comma-separated values, which
    /// `VectorIds` of the crate `entity` reads, or what neither of the two can be.
    pub vector_ids: Option<String>,
}

/// Keeps what orphans say beyond their deletion: a file, a table, a queue, or a `Vec<Orphan>`.
///
/// `repair` stores each row, flushes, and only then commits the deletion. No row goes that was not stored.
pub trait OrphanSink: Send {
    /// Stores these rows, a few hundred at a time.
    ///
    /// # Errors
    ///
    /// What kept them from being stored. Nothing is deleted then.
    fn store(&mut self, orphans: &[Orphan]) -> io::Result<()>;

    /// Makes durable what was stored.
    ///
    /// # Errors
    ///
    /// As of [`store`](Self::store).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Takes back the rows that were stored last, this many: their deletion was rolled back. Those of a
    /// [`store`](Self::store) that failed are counted.
    ///
    /// A row whose deletion may or may not have been committed is not taken back, nor one that a caller's own
    /// transaction has deleted: whether that is rolled back, only the caller knows.
    ///
    /// # Errors
    ///
    /// What kept them from being taken back.
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

/// What `repair` does with rows whose document does not exist.
#[derive(Default)]
pub enum Orphans<'s> {
    /// It keeps them, and the foreign key stays as it is.
    #[default]
    Keep,
    /// It deletes them, after this has what they say.
    ///
    /// ```no_run
    /// # async fn example(db: &sea_orm::DatabaseConnection) -> Result<(), migration::Error> {
    /// use migration::Orphans;
    ///
    /// let mut deleted = Vec::new();
    /// migration::repair(db, Orphans::Delete(&mut deleted)).await?;
    /// for orphan in &deleted {
    ///     println!("{:?}", orphan.vector_ids);
    /// }
    /// # Ok(())
    /// # }
    /// ```
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

/// The caller's sink, and how many rows it has.
pub(crate) struct Handover<'s>(Mutex<State<'s>>);

struct State<'s> {
    sink: &'s mut dyn OrphanSink,
    rows: u64,
    /// So many of them are deleted for good.
    committed: u64,
}

impl<'s> Handover<'s> {
    pub(crate) fn to(sink: &'s mut dyn OrphanSink) -> Self {
        Self(Mutex::new(State {
            sink,
            rows: 0,
            committed: 0,
        }))
    }

    /// How many rows were handed over and not taken back.
    pub(crate) fn rows(&self) -> u64 {
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

    /// What was handed over so far is deleted for good.
    pub(crate) fn commit(&self) {
        let mut state = self.state();
        state.committed = state.rows;
    }

    /// The deletion of whatever is not deleted for good was rolled back.
    pub(crate) fn roll_back(&self) -> Result<(), Error> {
        let committed = self.state().committed;
        self.withdraw_to(committed)
            .map_err(|source| Error::OrphansNotWithdrawn { source })
    }

    /// All but the first ones, this many.
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
