//! What is planned for each legacy table of `tests/shapes`, from the inspection that is recorded beside it.

use std::{fs, path::Path};

use crate::versions;

#[test]
fn every_legacy_table_is_planned_for_as_recorded() {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/shapes");
    let newest = versions::newest().expect("comparable");
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut count = 0;
    for engine in ["mysql", "postgres", "sqlite"] {
        let folder = fs::read_dir(shapes.join(engine)).expect("a folder");
        let mut files: Vec<_> = folder.map(|file| file.expect("a file").path()).collect();
        files.sort();
        for file in files
            .iter()
            .filter(|file| file.extension().is_some_and(|one| one == "json"))
        {
            let recorded = fs::read_to_string(file).expect("a recording");
            let name = file.file_stem().expect("a name").to_string_lossy();
            let planned = converge::recording::replay(&recorded, &newest).expect("a recording");
            settings.bind(|| insta::assert_snapshot!(format!("{engine}__{name}"), planned));
            count += 1;
        }
    }
    assert!(count > 100, "{count} recordings");
}
