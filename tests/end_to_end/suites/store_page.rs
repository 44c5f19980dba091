//! The shell lines of docs/store.md: they list a store's points, compare them night by night, and
//! delete those that were stray twice.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::Test;
use crate::{
    engines::{Database, workspace},
    programs::{Finished, finished, migrate, migration},
};

pub fn tests() -> Vec<Test> {
    tests![points_that_are_stray_on_two_nights_are_deleted_and_no_others]
}

/// A store with two pages of points, and one point that it has this night alone.
const PRELUDE: &str = r#"
curl() {
    local url=$3 body=${!#}
    case "$url $body" in
    http://store/*/scroll*'"offset": null'*)
        echo '{"result": {"points": [{"id": "0198c0de-0000-7000-8000-000000000001"}, {"id": 9007199254740993}'"$OF_THIS_NIGHT"'],
               "next_page_offset": 18446744073709551615}}' ;;
    http://store/*/scroll*'"offset": 18446744073709551615'*)
        echo '{"result": {"points": [{"id": 18446744073709551615}, {"id": "12345678-9012-3456-7890-123456789012"}],
               "next_page_offset": null}}' ;;
    http://store/*/delete*) echo "$body" >> deleted.jsonl ;;
    *) return 22 ;;
    esac
}
migration() { "$MIGRATION" "$@"; }
QDRANT=http://store
"#;

async fn points_that_are_stray_on_two_nights_are_deleted_and_no_others(database: Database) {
    migrate(&database, ["up", "--create-documents"]).expect_success();
    database
        .execute([
            "INSERT INTO documents (id) VALUES (1)",
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[\"0198c0de000070008000000000000001\"]')",
        ])
        .await;
    let folder = tempfile::tempdir().expect("a folder");
    let blocks = shell_blocks();
    let [list, compare, delete] = blocks.as_slice() else {
        panic!("{} blocks", blocks.len());
    };
    let nightly = format!("{list}{compare}");

    let first = run(&nightly, r#", {"id": 7}"#, &database, folder.path());
    assert_eq!(first.code, Some(1), "{first:?}");
    assert!(!folder.path().join("delete.txt").exists());
    rename_last_report(folder.path());
    let second = run(&nightly, r#", {"id": 8}"#, &database, folder.path());
    assert_eq!(second.code, Some(1), "{second:?}");
    run(delete, "", &database, folder.path()).expect_success();

    let deleted = fs::read_to_string(folder.path().join("deleted.jsonl")).expect("calls");
    let calls: Vec<Value> = deleted
        .lines()
        .map(|body| serde_json::from_str(body).expect("JSON"))
        .collect();
    let points = calls
        .iter()
        .flat_map(|body| body["points"].as_array().expect("points"));
    let points: BTreeSet<String> = points.map(Value::to_string).collect();
    let stray = [
        json!(9_007_199_254_740_993_u64),
        json!(18_446_744_073_709_551_615_u64),
        json!("12345678-9012-3456-7890-123456789012"),
    ];
    assert_eq!(points, stray.iter().map(Value::to_string).collect());
}

fn shell_blocks() -> Vec<String> {
    let page = fs::read_to_string(workspace().join("docs/store.md")).expect("the page");
    let blocks = page.split("```sh\n").skip(1);
    blocks
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block.to_owned())
        .collect()
}

/// Lets the report be of an earlier night.
fn rename_last_report(folder: &Path) {
    let mut entries = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("a file").path());
    let is_report = |path: &std::path::PathBuf| path.to_string_lossy().contains("/stray-");
    let report = entries.find(is_report).expect("a report");
    fs::rename(report, folder.join("stray-2000-01-01.txt")).expect("it is renamed");
}

fn run(script: &str, of_this_night: &str, database: &Database, folder: &Path) -> Finished {
    let output = Command::new("bash")
        .args(["-c", &format!("{PRELUDE}{script}")])
        .current_dir(folder)
        .env("MIGRATION", migration().get_program())
        .env("OF_THIS_NIGHT", of_this_night)
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    finished(output)
}
