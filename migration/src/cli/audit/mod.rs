//! `audit`: reads every row once, and compares the ids with the points of a vector store.

mod bar;
mod gathered;
mod id_file;
mod query;
mod room;

use std::{
    fs::File,
    hint,
    io::{self, Read},
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
};

use converge::{
    Next, Wait, Work, is_in_use, is_undefined,
    session::{Session, TransactionGuard},
};
use entity::audit::{Audit, AuditError, Event, Finding, PointsReader, Reading, Totals};
use futures_util::{Stream, TryStreamExt, future};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Statement};
use sea_orm_migration::SchemaManagerConnection;

use super::{Connected, error::CliError};
use crate::Location;
pub(super) use gathered::{Findings, Gathered, Kind};
use id_file::IdFile;
pub(super) use query::Tables;
pub(super) use room::shown_bytes;

/// What the command line asks for.
pub(super) struct Choices {
    pub(super) points: Option<PathBuf>,
    pub(super) stray_to: Option<PathBuf>,
    pub(super) missing_to: Option<PathBuf>,
    pub(super) only_if_also: Option<PathBuf>,
    pub(super) memory: u64,
    pub(super) doc_id: Option<i32>,
}

/// What an audit has found.
pub(super) struct Report {
    pub(super) location: Location,
    pub(super) findings: Findings,
    pub(super) totals: Totals,
    pub(super) tables: Tables,
    /// Stray points were found, and not written to the file that was named for them: a row cannot be read.
    pub(super) is_stray_kept_back: bool,
}

/// What the database was asked for where it returns an error.
const ROWS: &str = "the rows of vectors";

/// Runs an audit.
pub(super) async fn audit(connected: &Connected, choices: Choices) -> Result<Report, CliError> {
    keep_freed_memory();
    let mut files = Files::begin(&choices)?;
    let session = session(connected);
    let (mut location, bytes) = before(&session, choices.doc_id).await?;
    connected.name(&mut location);
    let files_of_points = [&choices.points, &choices.only_if_also];
    let files_of_points: Vec<&Path> = files_of_points
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    room::announce(bytes, &files_of_points, choices.memory);

    let mut audit = Audit::with_memory(choices.memory).map_err(CliError::Audit)?;
    let progress = audit.progress();
    if let Some(file) = &choices.points {
        let _bar = bar::start(Arc::clone(&progress), None);
        audit
            .list_points(points(file)?)
            .await
            .map_err(CliError::Audit)?;
        if let Some(file) = &choices.only_if_also {
            audit
                .only_if_also(points(file)?)
                .await
                .map_err(CliError::Audit)?;
        }
        // A connection may have been cut while it had nothing to do: the pool finds out here.
        let _ = connected.db.ping().await;
    }
    if let Some(doc_id) = choices.doc_id {
        audit = audit.of_document(doc_id);
    }
    let (reading, events) = audit.into_parts();
    let mut findings = Findings::default();
    let read = async {
        let _bar = bar::start(progress, bytes);
        read(&session, reading, choices.doc_id).await
    };
    let (read, gathered) = future::join(read, gather(events, &mut findings, &mut files)).await;
    read?;
    let totals = gathered?;
    let is_stray_kept_back = files.finish(&findings)?;
    let tables = Tables::new(session.backend(), &location, choices.doc_id);
    Ok(Report {
        location,
        findings,
        totals,
        tables,
        is_stray_kept_back,
    })
}

/// Lets glibc reuse the memory of a row for the next one. By default it gives more than 128 KiB that are free at the end
/// of its memory back to the kernel. Freeing one large block raises this limit to twice its size, up to 64 MiB
/// (mallopt(3), `M_MMAP_THRESHOLD`). Other allocators are left as they are.
fn keep_freed_memory() {
    const LARGEST: usize = 31 << 20;
    drop(hint::black_box(Vec::<u8>::with_capacity(LARGEST)));
}

fn session(connected: &Connected) -> Session<'_> {
    let settings = &connected.runner.settings().engine;
    Session::new((&connected.db).into(), settings)
}

/// Looks where the rows are, and about how many bytes they have.
async fn before(
    session: &Session<'_>,
    doc_id: Option<i32>,
) -> Result<(Location, Option<u64>), CliError> {
    let transaction = begin(session, doc_id).await?;
    let location = converge::location(&transaction.db()).await;
    let bytes = match doc_id {
        Some(_) => Ok(None),
        None => room::bytes_of_table(&transaction.db()).await,
    };
    transaction.rollback().await.map_err(lookup)?;
    let location = location.map_err(crate::Error::from)?;
    // It only says how long it takes.
    Ok((location, bytes.unwrap_or_default()))
}

/// Begins a read-only transaction on a snapshot in which both tables can be read: others may have locked them.
async fn begin<'s>(
    session: &'s Session<'_>,
    doc_id: Option<i32>,
) -> Result<TransactionGuard<'s>, CliError> {
    let mut wait = Wait::begin();
    loop {
        let error = match try_begin(session, doc_id).await {
            Ok((transaction, true)) => return Ok(transaction),
            Ok((transaction, false)) => {
                transaction.rollback().await.map_err(lookup)?;
                let doc_id = doc_id.unwrap_or_default();
                return Err(CliError::DocumentMissing { doc_id });
            }
            // MySQL calls a missing table a race that may be lost: here it is none.
            Err(error) if !is_in_use(&error) => return Err(lookup(error)),
            Err(error) => error,
        };
        let tables = ["vectors", "documents"].map(str::to_owned);
        let work = Work::Lookup {
            subject: ROWS.to_owned(),
        };
        match wait.next(session, &tables, work, &error).await {
            Next::TryAgain => {}
            Next::TimedOut(error) => return Err(crate::Error::from(error).into()),
            Next::Failed => return Err(lookup(error)),
        }
    }
}

/// Returns whether the document is there.
async fn try_begin<'s>(
    session: &'s Session<'_>,
    doc_id: Option<i32>,
) -> Result<(TransactionGuard<'s>, bool), DbErr> {
    let transaction = session.begin_to_read().await?;
    let probe = async {
        let db = transaction.db();
        let backend = db.get_database_backend();
        let probe = "SELECT 1 FROM vectors, documents WHERE 1 = 0";
        db.query_all_raw(Statement::from_string(backend, probe))
            .await?;
        let Some(doc_id) = doc_id else {
            return Ok(true);
        };
        let document = format!("SELECT 1 FROM documents WHERE id = {doc_id}");
        let found = db
            .query_one_raw(Statement::from_string(backend, document))
            .await?;
        Ok(found.is_some())
    };
    match probe.await {
        Ok(is_there) => Ok((transaction, is_there)),
        Err(error) => {
            // The first error says more.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

async fn read(
    session: &Session<'_>,
    reading: Reading,
    doc_id: Option<i32>,
) -> Result<(), CliError> {
    let transaction = begin(session, doc_id).await?;
    let read = {
        let db = transaction.db();
        match open_transaction(&db) {
            Some(transaction) => reading.read(transaction).await,
            None => Err(DbErr::Custom("no transaction has begun".to_owned()).into()),
        }
    };
    let ended = transaction.rollback().await;
    match read {
        Ok(()) => ended.map_err(lookup),
        Err(AuditError::Database(error)) => Err(lookup(error)),
        Err(error) => Err(CliError::Audit(error)),
    }
}

fn open_transaction<'t>(db: &'t SchemaManagerConnection<'_>) -> Option<&'t DatabaseTransaction> {
    match db {
        SchemaManagerConnection::Connection(_) => None,
        SchemaManagerConnection::Transaction(transaction) => Some(transaction),
        SchemaManagerConnection::OwnedTransaction(transaction) => Some(transaction),
    }
}

fn lookup(error: DbErr) -> CliError {
    let is_undefined = is_undefined(&error);
    let error = crate::Error::from(converge::Error::looking_for(ROWS)(error));
    match is_undefined {
        true => CliError::RowsUndefined(error),
        false => error.into(),
    }
}

/// Counts what is found, and writes what files are named for.
async fn gather(
    events: impl Stream<Item = Result<Event, AuditError>>,
    findings: &mut Findings,
    files: &mut Files,
) -> Result<Totals, CliError> {
    let mut events = pin!(events);
    let mut totals = Totals::default();
    while let Some(event) = events.try_next().await.map_err(CliError::Audit)? {
        match event {
            Event::Finding(finding) => {
                files.write(&finding, findings)?;
                findings.add(finding);
            }
            Event::Totals(all) => totals = *all,
        }
    }
    Ok(totals)
}

/// What is written while findings come.
struct Files {
    stray: Option<IdFile>,
    missing: Option<IdFile>,
}

impl Files {
    fn begin(choices: &Choices) -> Result<Self, CliError> {
        let begin = |file: &Option<PathBuf>| file.clone().map(IdFile::begin).transpose();
        Ok(Self {
            stray: begin(&choices.stray_to)?,
            missing: begin(&choices.missing_to)?,
        })
    }

    fn write(&mut self, finding: &Finding, before: &Findings) -> Result<(), CliError> {
        match (finding, &mut self.stray, &mut self.missing) {
            (Finding::Stray { point }, Some(stray), _) if before.count(Kind::Unreadable) == 0 => {
                stray.write(point)
            }
            (Finding::Missing { id, .. }, _, Some(missing)) => missing.write(&id.clone().into()),
            _ => Ok(()),
        }
    }

    /// Returns whether stray points were kept back: a point of a row that cannot be read would be among them, and whoever
    /// deletes what is in the file would delete it.
    fn finish(self, findings: &Findings) -> Result<bool, CliError> {
        let is_unsafe = findings.count(Kind::Unreadable) > 0;
        let is_kept_back = self.stray.is_some() && is_unsafe;
        if let Some(stray) = self.stray.filter(|_| !is_unsafe) {
            stray.finish()?;
        }
        if let Some(missing) = self.missing {
            missing.finish()?;
        }
        Ok(is_kept_back)
    }
}

/// The points of a file, or of stdin.
fn points(
    file: &Path,
) -> Result<impl Iterator<Item = Result<entity::audit::Point, String>> + Send + use<>, CliError> {
    let (name, reader): (String, Box<dyn Read + Send>) = match file == Path::new("-") {
        true => ("stdin".to_owned(), Box::new(io::stdin())),
        false => {
            let reader = File::open(file).map_err(|error| CliError::PointsFile {
                file: file.to_owned(),
                reason: error.to_string(),
            })?;
            (file.display().to_string(), Box::new(reader))
        }
    };
    let points = PointsReader::new(reader);
    Ok(points.map(move |point| point.map_err(|error| format!("{name}, {error}"))))
}
