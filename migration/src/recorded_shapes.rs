//! Snapshots of the plan for each legacy table of `tests/shapes`, made from the recorded inspection
//! next to it.

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use converge::Shape;

use crate::versions;

const RECORD: &str = "RECORD_SHAPES=1 tests/run recordings records it";
const UPDATE: &str = "INSTA_UPDATE=always cargo test -p migration --lib takes them over";

fn shapes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/shapes")
}

/// Returns the names of the files with this extension.
fn names(folder: &Path, extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder).expect("a folder");
    let paths = files.map(|file| file.expect("a file").path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|one| one == extension));
    wanted
        .map(|path| {
            let name = path.file_stem().expect("a name");
            name.to_string_lossy().into_owned()
        })
        .collect()
}

/// Returns `ENGINE/NAME` of every file with this extension.
fn files(extension: &str) -> BTreeSet<String> {
    let named = |engine: &'static str| {
        let names = names(&shapes().join(engine), extension);
        names
            .into_iter()
            .map(move |name| format!("{engine}/{name}"))
    };
    ["mysql", "postgres", "sqlite"]
        .into_iter()
        .flat_map(named)
        .collect()
}

fn is_planned_as_recorded(shape: &str, newest: &Shape) {
    let recording = shapes().join(shape).with_extension("json");
    let recorded = fs::read_to_string(recording)
        .unwrap_or_else(|error| panic!("tests/shapes/{shape}.json: {error}: {RECORD}"));
    let planned = converge::recording::replay(&recorded, newest)
        .unwrap_or_else(|error| panic!("tests/shapes/{shape}.json: {error}: {RECORD}"));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(shape.replace('/', "__"), planned));
}

#[test]
fn every_legacy_table_is_planned_for_as_recorded() {
    let newest = versions::newest().expect("comparable");
    let mut differing = files("sql");
    assert!(!differing.is_empty(), "no legacy tables");

    // All are compared, so that one run shows everything that a change affects.
    differing.retain(|shape| {
        catch_unwind(AssertUnwindSafe(|| is_planned_as_recorded(shape, &newest))).is_err()
    });

    assert!(differing.is_empty(), "{differing:?}; {UPDATE}");
}

#[test]
fn every_recording_and_every_snapshot_is_of_a_legacy_table() {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/snapshots");
    let planned = names(&snapshots, "snap").into_iter();
    let planned: BTreeSet<String> = planned.map(|name| name.replacen("__", "/", 1)).collect();
    let legacy = files("sql");

    let is_left = |name: &String| !legacy.contains(name);
    let recordings: Vec<String> = files("json").into_iter().filter(is_left).collect();
    let planned: Vec<String> = planned.into_iter().filter(is_left).collect();

    assert!(recordings.is_empty(), "delete the .json of {recordings:?}");
    assert!(planned.is_empty(), "delete the .snap of {planned:?}");
}
