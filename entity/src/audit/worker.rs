//! The thread that decodes the rows and compares their ids: reading from the database goes on at the same time, and no
//! asynchronous task waits for a file.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    thread,
};

use async_channel::{Receiver, Sender};

use super::{
    AuditError, Finding, PageKey, Point, Progress, Totals,
    compare::compare,
    decode::{Decoded, decode},
    emit::{Emitter, Message, Stop},
    rows::RawRow,
    sets::{SETS, Sets},
};
use crate::partition::{PARTS, Spool};

pub(super) type ListingError = Box<dyn std::error::Error + Send + Sync>;

/// Points, as they are listed.
pub(super) type Listing = Box<dyn Iterator<Item = Result<Point, ListingError>> + Send>;

/// What the thread is told, in this order.
pub(super) enum Job {
    /// Points to be kept.
    List {
        points: Listing,
        which: Which,
        listed: Sender<Result<u64, AuditError>>,
    },
    Rows(Vec<RawRow>),
    WithoutPages(Vec<i32>),
    /// Everything is read.
    Compare,
}

#[derive(Clone, Copy)]
pub(super) enum Which {
    /// Of the store.
    Points,
    /// Of an earlier report.
    Earlier,
}

/// Where the thread keeps what it compares, and how much of it in memory.
pub(super) struct Room {
    pub(super) folder: PathBuf,
    pub(super) memory: usize,
}

/// How many messages may wait.
const WAITING: usize = 4;

pub(super) fn start(
    room: Room,
    progress: Arc<Progress>,
) -> Result<(Sender<Job>, Receiver<Message>), AuditError> {
    let (jobs, received_jobs) = async_channel::bounded(WAITING);
    let (messages, received) = async_channel::bounded(WAITING);
    let work = move || {
        let folder = room.folder.clone();
        let failure = match Worker::new(room, progress, &messages).work(&received_jobs) {
            Ok(()) | Err(Stop::NoReader) => return,
            Err(Stop::Io(source)) => AuditError::TemporaryFile { folder, source },
        };
        // Where nobody reads it there is nobody to tell.
        let _ = messages.send_blocking(Message::Failed(failure));
    };
    let thread = thread::Builder::new().name("audit".to_owned());
    thread.spawn(work).map_err(AuditError::Thread)?;
    Ok((jobs, received))
}

struct Worker {
    spool: Spool,
    sets: Sets,
    totals: Totals,
    emitter: Emitter,
    messages: Sender<Message>,
    progress: Arc<Progress>,
    /// For comparing.
    memory: usize,
}

impl Worker {
    /// A half of the memory is for blocks, an eighth for those that are not full, a quarter for comparing; the rest is
    /// for rows on their way.
    fn new(room: Room, progress: Arc<Progress>, messages: &Sender<Message>) -> Self {
        const SMALLEST: usize = 512;
        const LARGEST: usize = 16 << 10;
        let block_bytes = (room.memory / 8 / PARTS / SETS).clamp(SMALLEST, LARGEST);
        Self {
            spool: Spool::new(room.folder, room.memory / 2, block_bytes),
            sets: Sets::new(),
            totals: Totals::default(),
            emitter: Emitter::new(messages.clone()),
            messages: messages.clone(),
            progress,
            memory: room.memory / 4,
        }
    }

    fn work(mut self, jobs: &Receiver<Job>) -> Result<(), Stop> {
        loop {
            let Ok(job) = jobs.recv_blocking() else {
                return Err(Stop::NoReader);
            };
            match job {
                Job::List {
                    points,
                    which,
                    listed,
                } => {
                    let outcome = self.list(points, which);
                    let has_failed = outcome.is_err();
                    if listed.send_blocking(outcome).is_err() || has_failed {
                        return Err(Stop::NoReader);
                    }
                }
                Job::Rows(rows) => {
                    for row in rows {
                        self.row(row)?;
                    }
                    self.emitter.flush()?;
                }
                Job::WithoutPages(documents) => {
                    for doc_id in documents {
                        self.emitter.push(Finding::WithoutPages { doc_id });
                    }
                    self.emitter.flush()?;
                }
                Job::Compare => return self.compare(),
            }
        }
    }

    fn list(&mut self, points: Listing, which: Which) -> Result<u64, AuditError> {
        let failed = |source: io::Error| AuditError::TemporaryFile {
            folder: self.spool.folder().to_owned(),
            source,
        };
        match which {
            Which::Points => self.sets.begin_points(),
            Which::Earlier => self.sets.begin_earlier(),
        }
        let mut listed: u64 = 0;
        for point in points {
            let point = point.map_err(AuditError::Points)?;
            listed += 1;
            match which {
                Which::Points => self.sets.add_point(&self.spool, point),
                Which::Earlier => self.sets.add_earlier(&self.spool, point),
            }
            .map_err(failed)?;
            self.progress.points.fetch_add(1, Ordering::Relaxed);
        }
        if let Which::Points = which {
            let points = self.totals.points.get_or_insert_default();
            points.listed += listed;
        }
        Ok(listed)
    }

    fn row(&mut self, RawRow { row, text }: RawRow) -> io::Result<()> {
        self.totals.rows += 1;
        self.progress.rows.fetch_add(1, Ordering::Relaxed);
        if row.page.is_some_and(|page| page < 0) {
            self.emitter.push(Finding::NegativePage { row });
        }
        let decoded = text.and_then(|text| {
            let length = text.len() as u64;
            self.totals.bytes += length;
            self.progress.bytes.fetch_add(length, Ordering::Relaxed);
            decode(&text)
        });
        let Decoded {
            ids,
            is_comma_separated,
        } = match decoded {
            Ok(decoded) => decoded,
            Err(fault) => {
                self.emitter.push(Finding::Unreadable { row, fault });
                return Ok(());
            }
        };
        if is_comma_separated {
            self.totals.forms.comma_separated_rows += 1;
        }
        if ids.is_empty() {
            self.emitter.push(Finding::Empty { row });
        }
        let page = PageKey {
            doc_id: row.doc_id.unwrap_or_default(),
            page: row.page.unwrap_or_default(),
        };
        self.sets.add_row(&self.spool, page, ids, &mut self.totals)
    }

    fn compare(mut self) -> Result<(), Stop> {
        self.emitter.flush()?;
        let counted = compare(self.sets, &self.spool, self.memory, &self.emitter)?;
        self.totals.pages = counted.pages;
        if let Some(points) = &mut self.totals.points {
            points.repeated += counted.repeated_points;
        }
        let totals = Message::Totals(Box::new(self.totals));
        // Where nobody reads it there is nobody to tell.
        let _ = self.messages.send_blocking(totals);
        Ok(())
    }
}
