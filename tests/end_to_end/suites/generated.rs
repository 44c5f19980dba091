//! What SeaORM's code generator makes of the migrated database, compared with our entities.

use std::{fs, path::Path};

use sea_orm::DbBackend;

use super::Test;
use crate::{
    engines::{Database, workspace},
    programs::{migrate, sea_orm_cli},
};

pub fn tests() -> Vec<Test> {
    tests![the_generator_gives_our_entities_but_for_what_is_deliberate]
}

async fn the_generator_gives_our_entities_but_for_what_is_deliberate(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_string_lossy();

    sea_orm_cli(
        &database,
        // SQLite does not distinguish integers.
        &[
            "generate",
            "entity",
            "-o",
            &output,
            "--entity-format=dense",
            "--big-integer-type=i32",
        ],
    )
    .expect_success();

    let ours = workspace().join("entity/src");
    assert_eq!(differences(folder.path(), &ours, "documents.rs"), [""; 0]);
    let mut deliberate = vec![
        // The relation is to one document.
        "- pub documents: BelongsTo<super::documents::Entity>,",
        // The ids have a type of their own.
        "- pub vector_ids: String,",
        "+ pub document: BelongsTo<super::documents::Entity>,",
        "+ pub vector_ids: VectorIds,",
        "+ use crate::VectorIds;",
    ];
    if database.backend() == DbBackend::MySql {
        // The generator leaves out columns of a type that it does not know.
        deliberate.push(
            "- #[sea_orm(ignore, column_type = \"custom(\\\"LONGTEXT\\\")\", select_as = \"text\")]",
        );
        deliberate.push("+ #[sea_orm(column_type = \"Text\")]");
        // MariaDB's word for the same.
        deliberate.push("- on_update = \"Restrict\",");
        deliberate.push("+ on_update = \"NoAction\",");
    }
    deliberate.sort_unstable();
    let mut found = differences(folder.path(), &ours, "vectors.rs");
    found.sort_unstable();
    assert_eq!(found, deliberate);
    assert_eq!(
        differences(folder.path(), &ours, "prelude.rs"),
        ["+ pub use super::{Error, Page, VectorId, VectorIds};"]
    );
}

/// Returns the lines of code that only the generated file (-) or only ours (+) has. Ours is the
/// generated file with these lines changed, and all others in their order.
fn differences(generated: &Path, ours: &Path, file: &str) -> Vec<String> {
    let (generated, ours) = (code(&generated.join(file)), code(&ours.join(file)));
    let common = |these: &[String], those: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|line| those.contains(line))
            .cloned()
            .collect()
    };
    assert_eq!(
        common(&generated, &ours),
        common(&ours, &generated),
        "{file}: the order"
    );
    let only = |sign: &str, these: &[String], those: &[String]| {
        let lines = these.iter().filter(|line| !those.contains(line));
        lines
            .map(|line| format!("{sign} {line}"))
            .collect::<Vec<_>>()
    };
    [only("-", &generated, &ours), only("+", &ours, &generated)].concat()
}

fn code(file: &Path) -> Vec<String> {
    fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("#![allow"))
        .collect()
}
