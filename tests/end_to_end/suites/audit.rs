//! `audit`: what is planted is found, no more and no less.

mod files;
mod interrupted;
mod planted;
mod values;

use std::{ffi::OsStr, fs, path::Path};

use entity::{VectorId, audit::Point};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, Value as SqlValue};
use serde_json::Value;
use tempfile::TempDir;

use super::Test;
use crate::{
    engines::Database,
    programs::{Finished, migration, run, runner},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    [
        planted::tests(),
        values::tests(backend),
        files::tests(backend),
        interrupted::tests(backend),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A migrated database with so many documents.
pub(super) async fn migrated(database: &Database, documents: i32) -> DatabaseConnection {
    let db = database.connect().await;
    runner().up(&db, None).await.expect("up");
    for doc_id in 1..=documents {
        let insert = format!("INSERT INTO documents (id) VALUES ({doc_id})");
        db.execute_unprepared(&insert).await.expect("a document");
    }
    db
}

/// Inserts a row with whatever text.
pub(super) async fn insert(db: &DatabaseConnection, doc_id: i32, page: i32, text: &str) {
    let backend = db.get_database_backend();
    let insert = match backend {
        DbBackend::Postgres => "INSERT INTO vectors (doc_id, page, vector_ids) VALUES ($1, $2, $3)",
        _ => "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (?, ?, ?)",
    };
    let values: [SqlValue; 3] = [doc_id.into(), page.into(), text.into()];
    let insert = Statement::from_sql_and_values(backend, insert, values);
    db.execute_raw(insert).await.expect("a row");
}

/// `audit` with its own folder for temporary files, in which nothing may be left.
fn audit<A: AsRef<OsStr>>(database: &Database, arguments: impl IntoIterator<Item = A>) -> Finished {
    let folder = tempfile::tempdir().expect("a folder");
    let finished = run(migration()
        .env("DATABASE_URL", &database.url)
        .env("TMPDIR", folder.path())
        .arg("audit")
        .args(arguments));
    assert_eq!(files_in(folder.path()), [""; 0]);
    finished
}

fn object<A: AsRef<OsStr>>(
    database: &Database,
    code: i32,
    arguments: impl IntoIterator<Item = A>,
) -> Value {
    let arguments: Vec<A> = arguments.into_iter().collect();
    let arguments = arguments.iter().map(AsRef::as_ref);
    let found = audit(
        database,
        [OsStr::new("--json")].into_iter().chain(arguments),
    );
    assert_eq!(found.code, Some(code), "{found:?}");
    serde_json::from_str(&found.stdout).unwrap_or_else(|error| panic!("{error}: {found:?}"))
}

/// How often a kind was found.
fn count(report: &Value, kind: &str) -> u64 {
    finding(report, kind)["count"].as_u64().expect("a count")
}

fn finding<'r>(report: &'r Value, kind: &str) -> &'r Value {
    let findings = report["findings"].as_array().expect("a list");
    let found = findings.iter().find(|one| one["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {report}"))
}

fn files_in(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).expect("a folder");
    let name = |file: std::io::Result<fs::DirEntry>| {
        file.expect("a file")
            .file_name()
            .to_string_lossy()
            .into_owned()
    };
    files.map(name).collect()
}

/// A file with one id a line.
fn points(folder: &TempDir, name: &str, ids: impl IntoIterator<Item = VectorId>) -> String {
    let lines: Vec<String> = ids
        .into_iter()
        .map(|id| Point::from(id).to_line())
        .collect();
    write(folder, name, lines.join("\n").as_bytes())
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let file = folder.path().join(name);
    fs::write(&file, bytes).expect("a file");
    file.display().to_string()
}

fn lines(file: impl AsRef<Path>) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a file");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
