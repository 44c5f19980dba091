//! Later releases: a copy of the workspace with further migrations, each a file and a line in
//! lib.rs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use sea_orm::DbBackend;

use crate::{
    engines::{Database, workspace},
    programs::{Finished, cargo, copy_the_workspace, migration, run, without_cargos_variables},
};

/// The migrations that are added to the released ones, one for each release.
pub const MIGRATIONS: [&str; 4] = [
    "m20270101_000000_add_model",
    "m20270102_000000_create_page_texts",
    "m20270103_000000_index_pages",
    "m20270104_000000_create_readings",
];

/// A later release, which ends with this migration. Three released migrations come before it.
#[derive(Clone, Copy, PartialEq)]
pub struct Release(&'static str);

pub const WITH_MODEL: Release = Release("4");
pub const WITH_PAGE_TEXTS: Release = Release("5");
pub const WITH_INDEX: Release = Release("6");
pub const WITH_READINGS: Release = Release("7");
/// The release with both migrations that have been generated.
pub const NEWEST: Release = Release("9");

impl Release {
    pub fn run(self, database: &Database, arguments: &[&str]) -> Finished {
        LazyLock::force(&BUILT);
        let mut command = Command::new(workspace().join("target/debug/later"));
        without_cargos_variables(&mut command);
        run(command
            .env("LAST_MIGRATION", self.0)
            .env("DATABASE_URL", &database.url)
            .env_remove("DATABASE_SCHEMA")
            .env_remove("MIGRATION_TABLE")
            .env_remove("MIGRATION_CREATE_DOCUMENTS_IN")
            .arg("--create-documents")
            .args(arguments))
    }

    pub fn script(self, database: &Database, arguments: &[&str]) -> String {
        let backend = match database.backend() {
            DbBackend::Postgres => "postgres",
            DbBackend::MySql => "mysql",
            _ => "sqlite",
        };
        let arguments = [&["sql", "--backend", backend], arguments].concat();
        self.run(database, &arguments).expect_success()
    }
}

/// The body that replaces the template of `sea-orm-cli migrate generate`.
const CREATE: &str = "manager.create_table(Table::create().table(\"plain_notes\").col(pk_auto(\"id\")).to_owned()).await";
const DROP: &str = "manager.drop_table(Table::drop().table(\"plain_notes\").to_owned()).await";

/// What replaces the declaration in the template of `migration generate`.
const DECLARATION: &str = "shape: &mut Shape) {
        shape.table(Table::create().table(\"declared_notes\").col(pk_auto(\"id\")).col(text(\"body\")));
    }";

/// The later releases as one binary, which is built once; a failure is remembered too.
static BUILT: LazyLock<()> = LazyLock::new(build);

/// Builds the binary with the dependencies that are built already.
fn build() {
    let copy = workspace().join("target/releases");
    let _ = fs::remove_dir_all(&copy);
    fs::create_dir_all(&copy).unwrap();
    copy_the_workspace(&copy);
    rename(&copy);
    add_migrations(&copy);
    add_entities(&copy);
    let mut sea_orm_cli = Command::new(workspace().join("target/debug/sea-orm-cli"));
    without_cargos_variables(&mut sea_orm_cli);
    sea_orm_cli.current_dir(&copy).arg("migrate");
    let plain = generate(sea_orm_cli, &copy, "plain_notes");
    for statement in [CREATE, DROP] {
        edit(&plain, "_manager", "manager");
        edit(&plain, "todo!();", statement);
    }
    // As Cargo sets it for `cargo run`, in a folder from which the crate is not found otherwise.
    let mut migration = migration();
    migration
        .current_dir(copy.join("entity"))
        .env("CARGO_MANIFEST_DIR", copy.join("migration"));
    let declared = generate(migration, &copy, "declared_notes");
    edit(&declared, "_shape: &mut Shape) {}", DECLARATION);
    let_a_variable_end_the_list(&copy);
    run(cargo()
        .current_dir(&copy)
        .env("CARGO_TARGET_DIR", workspace().join("target"))
        .args([
            "build",
            "--quiet",
            "--package",
            "later",
            "--package",
            "later-reader",
        ]))
    .expect_success();
}

/// Renames the packages, so that they share the dependencies that are built, and replace nothing.
fn rename(copy: &Path) {
    edit(
        &copy.join("Cargo.toml"),
        "\"entity\", \"migration\", \"migration/converge\", \"tests\"",
        "\"entity\", \"migration\", \"migration/converge\", \"reader\"",
    );
    edit(
        &copy.join("Cargo.toml"),
        "entity = { path = \"entity\" }",
        "entity = { path = \"entity\", package = \"later-entity\" }",
    );
    edit(
        &copy.join("Cargo.toml"),
        "migration = { path = \"migration\",",
        "migration = { path = \"migration\", package = \"later\",",
    );
    let manifest = copy.join("migration/Cargo.toml");
    edit(
        &manifest,
        "[[bin]]\nname = \"migration\"",
        "[lib]\nname = \"migration\"\n\n[[bin]]\nname = \"later\"",
    );
    edit(
        &manifest,
        "[package]\nname = \"migration\"",
        "[package]\nname = \"later\"",
    );
    let manifest = copy.join("entity/Cargo.toml");
    edit(&manifest, "name = \"entity\"", "name = \"later-entity\"");
    edit(&manifest, "[lib]\n", "[lib]\nname = \"entity\"\n");
}

fn add_migrations(copy: &Path) {
    let source = copy.join("migration/src");
    let lib = source.join("lib.rs");
    for migration in MIGRATIONS {
        fs::copy(fixture(migration), source.join(format!("{migration}.rs"))).unwrap();
        let last = fs::read_to_string(&lib).unwrap();
        let last = last.lines().rfind(|line| line.starts_with("mod m2"));
        let last = last.expect("a migration").to_owned();
        edit(&lib, &last, &format!("{last}\nmod {migration};"));
        let entry = format!("            Box::new({migration}::Migration),\n        ]");
        edit(&lib, "        ]", &entry);
    }
}

fn add_entities(copy: &Path) {
    let source = copy.join("entity/src");
    edit(
        &source.join("vectors.rs"),
        "    pub vector_ids: VectorIds,\n",
        "    pub vector_ids: VectorIds,\n    pub model: Option<String>,\n",
    );
    fs::copy(fixture("page_texts"), source.join("page_texts.rs")).unwrap();
    edit(
        &source.join("lib.rs"),
        "mod page;\n",
        "mod page;\npub mod page_texts;\n",
    );
    let reader = copy.join("reader/src");
    fs::create_dir_all(&reader).unwrap();
    fs::copy(fixture("reader"), reader.join("main.rs")).unwrap();
    let manifest = "[package]\nname = \"later-reader\"\nversion.workspace = true\nedition.workspace = true\n\n\
                    [dependencies]\nasync-std = { workspace = true }\nentity = { workspace = true }\n\
                    sea-orm = { workspace = true }\n";
    fs::write(copy.join("reader/Cargo.toml"), manifest).unwrap();
}

/// Creates a migration with the subcommand `generate` of a program and its template, and returns the
/// file.
fn generate(mut program: Command, copy: &Path, name: &str) -> PathBuf {
    run(program.args(["generate", name])).expect_success();
    let source = copy.join("migration/src");
    let mut made = fs::read_dir(&source)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let made = made.find(|path| path.to_string_lossy().ends_with(&format!("_{name}.rs")));
    made.expect("a generated file")
}

/// Lets a variable choose the last migration, so that all releases are one build. `generate` must
/// have changed the list before.
fn let_a_variable_end_the_list(copy: &Path) {
    edit(
        &copy.join("migration/src/lib.rs"),
        "fn listed() -> Vec<Listed> {",
        "fn listed() -> Vec<Listed> {
    let last = std::env::var(\"LAST_MIGRATION\").ok();
    let mut all = all();
    all.truncate(last.and_then(|last| last.parse().ok()).unwrap_or(usize::MAX));
    all
}

fn all() -> Vec<Listed> {",
    );
}

fn fixture(name: &str) -> PathBuf {
    workspace()
        .join("tests/releases")
        .join(format!("{name}.rs"))
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{}: no {from}", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}
