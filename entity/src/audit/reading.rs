//! Reads the rows, and hands them over to the thread that compares.

use async_channel::Sender;
use futures_util::StreamExt;
use sea_orm::{ConnectionTrait, DbErr, StreamTrait};

use super::{
    AuditError,
    rows::{self, RawRow, Texts},
    worker::Job,
};

/// The part of an audit that reads the rows.
pub struct Reading {
    pub(super) jobs: Sender<Job>,
    pub(super) doc_id: Option<i32>,
}

impl Reading {
    /// Reads the rows, and the documents without pages.
    ///
    /// # Errors
    ///
    /// [`AuditError`] with what the database returned. If the thread that compares has ended, the events hold the
    /// reason.
    pub async fn read<C>(self, db: &C) -> Result<(), AuditError>
    where
        C: ConnectionTrait + StreamTrait,
    {
        // Boxed: a service's future that is too deep does not compile.
        match Box::pin(self.send_all(db)).await {
            Ok(()) | Err(Ended::WithoutReader) => Ok(()),
            Err(Ended::Database(error)) => Err(error.into()),
        }
    }

    async fn send_all<C>(&self, db: &C) -> Result<(), Ended>
    where
        C: ConnectionTrait + StreamTrait,
    {
        let texts = Texts::of(db).await?;
        {
            let mut rows = rows::stream(db, texts, self.doc_id).await?;
            let mut batch = Batch::default();
            while let Some(row) = rows.next().await {
                batch.push(row?);
                if batch.is_full() {
                    self.send(Job::Rows(batch.take())).await?;
                }
            }
            self.send(Job::Rows(batch.take())).await?;
        }
        let documents = rows::documents_without_pages(db, self.doc_id).await?;
        let mut documents = documents.ready_chunks(Batch::ROWS);
        while let Some(documents) = documents.next().await {
            let documents: Result<Vec<i32>, DbErr> = documents.into_iter().collect();
            self.send(Job::WithoutPages(documents?)).await?;
        }
        self.send(Job::Compare).await
    }

    async fn send(&self, job: Job) -> Result<(), Ended> {
        self.jobs.send(job).await.map_err(|_| Ended::WithoutReader)
    }
}

/// Why reading has stopped.
enum Ended {
    Database(DbErr),
    WithoutReader,
}

impl From<DbErr> for Ended {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

/// Rows that are handed over together: one alone costs as much as a short row.
#[derive(Default)]
struct Batch {
    rows: Vec<RawRow>,
    bytes: usize,
}

impl Batch {
    const ROWS: usize = 256;
    const BYTES: usize = 256 << 10;

    fn push(&mut self, row: RawRow) {
        self.bytes += row.text.as_ref().map_or(0, Vec::len);
        self.rows.push(row);
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= Self::ROWS || self.bytes >= Self::BYTES
    }

    fn take(&mut self) -> Vec<RawRow> {
        self.bytes = 0;
        std::mem::take(&mut self.rows)
    }
}
