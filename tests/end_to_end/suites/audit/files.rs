//! The files of points that are read, and those that are written.

use std::{fs, process::Command};

use entity::VectorId;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use serde_json::Value;
use tempfile::TempDir;

use super::{audit, count, finding, insert, lines, migrated, object, points, write};
use crate::{
    engines::Database,
    programs::{Finished, migration, run},
    suites::Test,
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        a_file_of_0_bytes_has_no_points,
        every_form_of_an_export_is_read,
        a_point_is_written_as_the_store_spells_it,
        an_id_in_many_pages_is_missing_once,
        only_what_an_earlier_report_names_is_stray,
    ];
    // The files are the same for all.
    if backend == DbBackend::Sqlite {
        tests.extend(tests![
            a_damaged_file_is_an_error_with_its_line,
            a_line_of_1_gb_takes_no_memory,
            nothing_is_overwritten,
            stray_points_are_kept_back_where_a_row_cannot_be_read,
        ]);
    }
    tests
}

const UUID: &str = "0f8fad5bd9cb469fa16570867728950e";

async fn with_three_ids(database: &Database) -> DatabaseConnection {
    let db = migrated(database, 1).await;
    insert(&db, 1, 1, &format!("[\"{UUID}\", 7, \"chunk 1\"]")).await;
    db
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn compared(database: &Database, code: i32, file: &str) -> (Value, u64, u64) {
    let report = object(database, code, ["--points", file]);
    let (stray, missing) = (count(&report, "stray"), count(&report, "missing"));
    (report, stray, missing)
}

async fn a_file_of_0_bytes_has_no_points(database: Database) {
    with_three_ids(&database).await;
    let folder = folder();
    let file = write(&folder, "points", b"");

    let (report, stray, missing) = compared(&database, 1, &file);

    assert_eq!((stray, missing), (0, 3));
    assert_eq!(report["points"]["listed"], 0);
}

async fn every_form_of_an_export_is_read(database: Database) {
    with_three_ids(&database).await;
    let folder = folder();
    for (text, repeated) in [
        (
            "0F8FAD5B-D9CB-469F-A165-70867728950E\r\n7\r\nchunk 1\r\n",
            0,
        ),
        (
            "0f8fad5bd9cb469fa16570867728950e\n7\nchunk 1\n\n7\n0f8fad5b-d9cb-469f-a165-70867728950e",
            2,
        ),
        (
            "[\"0f8fad5bd9cb469fa16570867728950e\", 7,\n \"chunk 1\"]",
            0,
        ),
        (
            "{\"id\": \"0f8fad5bd9cb469fa16570867728950e\"}\n{\"id\": 7, \"vector\": [1.5]}\n{\"id\": \"chunk 1\"}",
            0,
        ),
    ] {
        let file = write(&folder, "points", text.as_bytes());
        let (report, stray, missing) = compared(&database, 0, &file);
        assert_eq!((stray, missing), (0, 0), "{text}");
        assert_eq!(report["points"]["listed"], 3 + repeated, "{text}");
        assert_eq!(report["points"]["repeated"], repeated, "{text}");
    }
}

async fn a_point_is_written_as_the_store_spells_it(database: Database) {
    with_three_ids(&database).await;
    let folder = folder();
    let (stray, missing) = (folder.path().join("stray"), folder.path().join("missing"));
    let shown = |path: &std::path::Path| path.display().to_string();
    let spelled = [
        "0F8FAD5B-d9cb-469F-a165-70867728950F",
        "\"7\"",
        "8",
        "chunk 2",
    ];
    let file = write(
        &folder,
        "points",
        format!("7\n{}", spelled.join("\n")).as_bytes(),
    );

    let found = audit(
        &database,
        [
            "--points",
            &file,
            "--stray-to",
            &shown(&stray),
            "--missing-to",
            &shown(&missing),
        ],
    );

    assert_eq!(found.code, Some(1), "{found:?}");
    let mut wanted = spelled.map(str::to_owned);
    wanted.sort();
    assert_eq!(lines(&stray), wanted);
    assert_eq!(lines(&missing), [UUID, "chunk 1"]);
    // What was written is read back.
    let again = ["--points", &file, "--only-if-also", &shown(&stray)];
    assert_eq!(count(&object(&database, 1, again), "stray"), 4);
}

async fn an_id_in_many_pages_is_missing_once(database: Database) {
    let db = migrated(&database, 1).await;
    for page in 0..5 {
        insert(&db, 1, page, "[7, 7]").await;
    }
    let folder = folder();
    let file = write(&folder, "points", b"8");

    let (report, stray, missing) = compared(&database, 1, &file);

    assert_eq!((stray, missing), (1, 1), "{report}");
    assert_eq!(count(&report, "twice_in_page"), 5, "{report}");
    assert_eq!(count(&report, "in_two_pages"), 4, "{report}");
}

async fn only_what_an_earlier_report_names_is_stray(database: Database) {
    with_three_ids(&database).await;
    let folder = folder();
    let file = points(&folder, "points", (7..20).map(VectorId::from));
    let earlier = points(&folder, "earlier", [7, 9, 12, 40].map(VectorId::from));

    let report = object(
        &database,
        1,
        ["--points", &file, "--only-if-also", &earlier],
    );

    let stray = finding(&report, "stray");
    assert_eq!(stray["count"], 2, "{stray}");
    assert_eq!(stray["examples"][0]["id"], 9, "{stray}");
    assert_eq!(stray["examples"][1]["id"], 12, "{stray}");
    assert_eq!(count(&report, "missing"), 2, "{report}");
    let none = write(&folder, "earlier", b"");
    let report = object(&database, 1, ["--points", &file, "--only-if-also", &none]);
    assert_eq!(count(&report, "stray"), 0, "{report}");
}

async fn a_damaged_file_is_an_error_with_its_line(database: Database) {
    with_three_ids(&database).await;
    let folder = folder();
    for (bytes, words) in [
        (
            &b"7\n\xff\n"[..],
            "line 2: expected UTF-8 at byte 0, found the byte 0xff",
        ),
        (
            b"7\n8\n{\"name\": 1}\n",
            "line 3: expected a point: missing field `id`",
        ),
        (b"[7,\n8\n", "line 3: expected `]` at the end of the array"),
    ] {
        let file = write(&folder, "points", bytes);
        let stray = folder.path().join("stray").display().to_string();
        let failed = audit(&database, ["--points", &file, "--stray-to", &stray]);
        assert_eq!(failed.code, Some(2), "{failed:?}");
        assert!(failed.stderr.contains(words), "{failed:?}");
        assert!(failed.stderr.contains(&file), "{failed:?}");
        assert_eq!(super::files_in(folder.path()), ["points"]);
    }
}

async fn a_line_of_1_gb_takes_no_memory(database: Database) {
    with_three_ids(&database).await;
    let folder = folder();
    let file = write(&folder, "points", b"7\n");
    let long = fs::OpenOptions::new()
        .write(true)
        .open(&file)
        .expect("a file");
    long.set_len(1 << 30).expect("a long file");

    // In KiB; all of the program's, with its threads' stacks.
    let limited = format!(
        "ulimit -v 600000; exec {:?} audit --points {file}",
        migration().get_program()
    );
    let failed: Finished = run(Command::new("bash")
        .args(["-c", &limited])
        .env("DATABASE_URL", &database.url));

    assert_eq!(failed.code, Some(2), "{failed:?}");
    let words = "line 2: expected a point of no more than 16 MiB";
    assert!(failed.stderr.contains(words), "{failed:?}");
}

async fn nothing_is_overwritten(database: Database) {
    with_three_ids(&database).await;
    let folder = folder();
    let file = write(&folder, "points", b"1\n");
    let kept = write(&folder, "kept", b"of somebody\n");
    let empty = write(&folder, "empty", b"");

    for option in ["--stray-to", "--missing-to"] {
        let refused = audit(&database, ["--points", &file, option, &kept]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("already exists"), "{refused:?}");
        assert_eq!(lines(&kept), ["of somebody"]);
    }
    let to_stdout = audit(&database, ["--points", &file, "--stray-to", "-"]);
    assert_eq!(to_stdout.code, Some(2), "{to_stdout:?}");
    let written = audit(&database, ["--points", &file, "--stray-to", &empty]);
    assert_eq!(written.code, Some(1), "{written:?}");
    assert_eq!(lines(&empty), ["1"]);
}

/// A point of that row would be deleted.
async fn stray_points_are_kept_back_where_a_row_cannot_be_read(database: Database) {
    let db = with_three_ids(&database).await;
    insert(&db, 1, 2, "[8").await;
    let folder = folder();
    let file = write(&folder, "points", b"8\n9\n");
    let stray = folder.path().join("stray");
    let arguments = [
        "--points",
        &file,
        "--stray-to",
        &stray.display().to_string(),
    ];

    let report = object(&database, 1, arguments);

    assert_eq!(count(&report, "stray"), 2, "{report}");
    assert_eq!(report["points"]["stray_kept_back"], true, "{report}");
    assert!(!stray.exists());
    let text = audit(&database, arguments).stdout;
    assert!(
        text.contains("and none were written: correct the rows"),
        "{text}"
    );
    db.execute_unprepared("UPDATE vectors SET vector_ids = '[8]' WHERE page = 2")
        .await
        .expect("a row");
    assert_eq!(count(&object(&database, 1, arguments), "stray"), 1);
    assert_eq!(lines(&stray), ["9"]);
}
