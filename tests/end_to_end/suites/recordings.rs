//! The recorded inspections of the legacy tables. The unit tests of `migration` plan from them, so
//! they have to equal what a server returns today.

use std::{env, fs, path::Path};

use super::{
    Test,
    convergence::{folder, shapes},
};
use crate::engines::{Database, Engine, workspace};

/// The variable that makes the test write the files instead of comparing them.
const RECORD: &str = "RECORD_SHAPES";

const HINT: &str =
    "RECORD_SHAPES=1 tests/run recordings records anew, and `git diff` shows what has changed";

/// One version of each engine: PostgreSQL 18 prints what 15 does not, and so may a server that a
/// variable names.
pub fn tests(engine: Engine) -> Vec<Test> {
    match engine.name {
        "sqlite" | "mariadb" | "postgres15" => tests![every_legacy_table_is_inspected_as_recorded],
        _ => Vec::new(),
    }
}

async fn every_legacy_table_is_inspected_as_recorded(database: Database) {
    let mut differences = Vec::new();
    for shape in shapes(folder(database.backend())) {
        let sql = fs::read_to_string(&shape).expect("a shape");
        let found = inspected(&database, &sql).await;
        let recording = shape.with_extension("json");
        match env::var_os(RECORD) {
            Some(_) => fs::write(&recording, found).expect("a recording"),
            None => differences.extend(difference(&recording, &found)),
        }
    }

    let differences = differences.join("\n");
    assert!(differences.is_empty(), "{differences}\n{HINT}");
}

async fn inspected(database: &Database, sql: &str) -> String {
    database.empty().await;
    database.execute([sql]).await;
    let db = database.connect_once().await;
    let found = migration::recorded(&db).await.expect("an inspection");
    db.close().await.expect("the connection closes");
    found + "\n"
}

/// Returns the first line that differs.
fn difference(recording: &Path, found: &str) -> Option<String> {
    let name = recording.strip_prefix(workspace()).expect("a file of ours");
    let Ok(recorded) = fs::read_to_string(recording) else {
        return Some(format!("{} is not there", name.display()));
    };
    let pairs = recorded.lines().zip(found.lines());
    let same = pairs.take_while(|(recorded, found)| recorded == found);
    let at = same.count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("the end").trim().to_owned();
    let is_other = recorded != found;
    is_other.then(|| {
        let (recorded, found) = (line(&recorded), line(found));
        let (name, number) = (name.display(), at + 1);
        format!("{name}:{number} is {recorded}, and {found} is found")
    })
}
