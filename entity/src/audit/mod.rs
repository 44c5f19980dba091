//! Reads every row of `vectors` once, reports damaged and unusual rows, and compares the ids with the points of a
//! vector store.
//!
//! [`reconcile`](crate::reconcile()) is one call. An [`Audit`] also takes a memory limit and the stray points of an
//! earlier report, and returns totals.

mod compare;
mod decode;
mod emit;
mod error;
mod finding;
mod listed;
mod listing;
#[cfg(test)]
mod listing_tests;
mod point;
mod reading;
mod rows;
mod sets;
mod streamed;
mod totals;
mod worker;

use std::{
    env,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_channel::{Receiver, Sender};
use futures_util::{Stream, StreamExt, stream};
use sea_orm::{ConnectionTrait, StreamTrait};

pub use error::AuditError;
pub use finding::{Fault, Finding, PageKey, Row};
pub use listed::PointsError;
pub use listing::PointsReader;
pub use point::Point;
pub use reading::Reading;
pub use totals::{Bar, Forms, Histogram, Points, Totals};

use emit::Message;
use streamed::streamed;
use worker::{Job, Listing, ListingError, Room, Which};

/// One item of an audit's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A finding.
    Finding(Finding),
    /// The totals, as the last item.
    Totals(Box<Totals>),
}

/// The progress of an audit, which can be read while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    bytes: AtomicU64,
    points: AtomicU64,
}

impl Progress {
    /// Returns the number of rows that have been read.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes of text that have been read.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the number of points that have been listed.
    pub fn points(&self) -> u64 {
        self.points.load(Ordering::Relaxed)
    }
}

/// An audit of the table `vectors`.
///
/// The points are listed before the rows are read, so a point that is written and recorded while the audit runs is not
/// reported as stray. An id that is recorded after the store was listed may be reported as missing.
///
/// The audit starts a thread. It keeps ids in memory up to a limit, and above it in a temporary file, of which nothing
/// remains however the audit ends.
///
/// ```
/// use entity::audit::{Audit, AuditError, Event};
/// use futures_util::TryStreamExt;
/// use sea_orm::DatabaseConnection;
///
/// /// Prints what is wrong with the table, in no more than 64 MiB of memory.
/// async fn print(db: &DatabaseConnection) -> Result<(), AuditError> {
///     let audit = Audit::with_memory(64 << 20)?;
///     let mut events = std::pin::pin!(audit.read(db).await?);
///     while let Some(event) = events.try_next().await? {
///         match event {
///             Event::Finding(finding) => println!("{finding}"),
///             Event::Totals(totals) => println!("{} rows", totals.rows),
///         }
///     }
///     Ok(())
/// }
/// ```
pub struct Audit {
    jobs: Sender<Job>,
    messages: Receiver<Message>,
    progress: Arc<Progress>,
    doc_id: Option<i32>,
}

/// The default memory limit, in bytes.
pub const USUAL_MEMORY: u64 = 512 << 20;

/// The smallest memory limit, in bytes.
pub const LEAST_MEMORY: u64 = 16 << 20;

impl Audit {
    /// Begins an audit that uses at most `bytes` of memory, or [`LEAST_MEMORY`] if that is more. The row that is being
    /// read is held whole and not counted. The temporary file is created in [`std::env::temp_dir`].
    ///
    /// # Errors
    ///
    /// [`AuditError::Thread`].
    pub fn with_memory(bytes: u64) -> Result<Self, AuditError> {
        let memory = usize::try_from(bytes.max(LEAST_MEMORY)).unwrap_or(usize::MAX);
        let folder: PathBuf = env::temp_dir();
        let progress = Arc::new(Progress::default());
        let (jobs, messages) = worker::start(Room { folder, memory }, Arc::clone(&progress))?;
        Ok(Self {
            jobs,
            messages,
            progress,
            doc_id: None,
        })
    }

    /// Limits the audit to the rows of one document.
    pub fn of_document(self, doc_id: i32) -> Self {
        Self {
            doc_id: Some(doc_id),
            ..self
        }
    }

    /// Returns the progress, which can be read while the audit runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Reads the points of the vector store from an iterator, to compare them with the ids of the rows, and returns their
    /// number. The iterator runs on the audit's thread, so it may wait for a file.
    ///
    /// # Errors
    ///
    /// [`AuditError::Points`] with an error of the iterator, and [`AuditError::TemporaryFile`].
    pub async fn list_points<E>(
        &mut self,
        points: impl IntoIterator<Item = Result<Point, E>, IntoIter: Send + 'static>,
    ) -> Result<u64, AuditError>
    where
        E: Into<ListingError>,
    {
        self.list(boxed(points), Which::Points).await
    }

    /// Reads the stray points of an earlier report from an iterator: only these are reported as stray again.
    ///
    /// # Errors
    ///
    /// As of [`list_points`](Self::list_points).
    pub async fn only_if_also<E>(
        &mut self,
        points: impl IntoIterator<Item = Result<Point, E>, IntoIter: Send + 'static>,
    ) -> Result<u64, AuditError>
    where
        E: Into<ListingError>,
    {
        self.list(boxed(points), Which::Earlier).await
    }

    async fn list(&mut self, points: Listing, which: Which) -> Result<u64, AuditError> {
        let (listed, outcome) = async_channel::bounded(1);
        let job = Job::List {
            points,
            which,
            listed,
        };
        // If the thread has ended, there is no answer either.
        let _ = self.jobs.send(job).await;
        outcome.recv().await.unwrap_or_else(|_| Err(has_ended()))
    }

    /// Lists the points of a stream, as [`list_points`](Self::list_points) lists those of an iterator.
    ///
    /// # Errors
    ///
    /// As of [`list_points`](Self::list_points).
    pub async fn stream_points<P, E>(
        &mut self,
        points: impl Stream<Item = Result<P, E>>,
    ) -> Result<u64, AuditError>
    where
        P: Into<Point>,
        E: Into<ListingError>,
    {
        let (listing, sent) = streamed(points);
        let listed = self.list(listing, Which::Points);
        let (listed, ()) = futures_util::future::join(listed, sent).await;
        listed
    }

    /// Reads the rows and returns a stream of the findings of single rows, then of the findings of the comparison, and
    /// then of the totals. Every [`Finding::Unreadable`] comes before the first [`Finding::Stray`].
    ///
    /// Two statements are run. In a transaction at REPEATABLE READ or above both see one snapshot; otherwise each sees
    /// what is committed when it starts. List the points before the first statement of such a transaction.
    ///
    /// # Errors
    ///
    /// [`AuditError`], here or as the stream's last item.
    pub async fn read<'db, C>(
        self,
        db: &'db C,
    ) -> Result<impl Stream<Item = Result<Event, AuditError>> + Send + use<'db, C>, AuditError>
    where
        C: ConnectionTrait + StreamTrait,
    {
        let (reading, events) = self.into_parts();
        let failure = stream::once(reading.read(db)).filter_map(async |read| read.err().map(Err));
        let all = stream::select(failure, events).boxed();
        // Nothing follows an error.
        Ok(stream::unfold(Some(all), async |all| {
            let mut all = all?;
            match all.next().await? {
                Ok(event) => Some((Ok(event), Some(all))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    /// Returns the part that reads the rows and the stream of events. Run both concurrently; the transaction can end as
    /// soon as the first one has, before the ids are compared.
    pub fn into_parts(
        self,
    ) -> (
        Reading,
        impl Stream<Item = Result<Event, AuditError>> + Send + use<>,
    ) {
        let reading = Reading {
            jobs: self.jobs,
            doc_id: self.doc_id,
        };
        (reading, events(self.messages))
    }
}

fn events(
    messages: Receiver<Message>,
) -> impl Stream<Item = Result<Event, AuditError>> + Send + use<> {
    // The last message holds the totals or an error. Without one, the thread has ended before its work was done.
    let events = stream::unfold(Some(messages), async |messages| {
        let messages = messages?;
        let (events, messages): (Vec<Result<Event, AuditError>>, _) = match messages.recv().await {
            Ok(Message::Findings(findings)) => {
                let events = findings
                    .into_iter()
                    .map(|finding| Ok(Event::Finding(finding)));
                (events.collect(), Some(messages))
            }
            Ok(Message::Totals(totals)) => (vec![Ok(Event::Totals(totals))], None),
            Ok(Message::Failed(error)) => (vec![Err(error)], None),
            Err(_) => (vec![Err(has_ended())], None),
        };
        Some((stream::iter(events), messages))
    });
    events.flatten()
}

fn boxed<E: Into<ListingError>>(
    points: impl IntoIterator<Item = Result<Point, E>, IntoIter: Send + 'static>,
) -> Listing {
    Box::new(points.into_iter().map(|point| point.map_err(Into::into)))
}

fn has_ended() -> AuditError {
    AuditError::Thread(std::io::ErrorKind::BrokenPipe.into())
}
