//! The subcommands `generate` and `init`, which write source files and open no database.

use std::{
    env,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use chrono::{Local, Utc};
use sea_orm_cli::run_migrate_init;

use super::{
    error::CliError,
    migrator_list::{newline_of, with_migration},
    say,
};

/// The template of a migration that declares nothing yet.
const DECLARING: &str = include_str!("migration.rs.template");

/// The template of a plain SeaORM migration, for a crate without declarations.
const PLAIN: &str = include_str!("statements.rs.template");

/// Adds an empty migration to the crate that has the migrator. The crate is in the package's folder under `cargo run`,
/// otherwise in the current folder or in its subfolder `migration`. If its list of migrations is not found, nothing is
/// written.
pub(super) fn generate(name: &str, clock: Clock) -> Result<(), CliError> {
    let name = name.trim().replace(' ', "_");
    let is_of_a_module = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if name.is_empty() || !name.chars().all(is_of_a_module) {
        return Err(CliError::Scaffold {
            reason: "the name cannot be the name of a Rust module".to_owned(),
            hint: Some("use letters, digits and _"),
        });
    }
    let Some(folder) = migrators_folder() else {
        return Err(CliError::Scaffold {
            reason: "there is no crate with a migrator in this folder".to_owned(),
            hint: Some("run `generate` in the folder of the workspace or of the crate"),
        });
    };
    let name = format!("m{}_{name}", clock.now());
    let failed = |path: &Path, error: &dyn std::fmt::Display| CliError::Scaffold {
        reason: format!("{}: {error}", path.display()),
        hint: None,
    };
    let (lib, file) = (
        folder.join("src/lib.rs"),
        folder.join("src").join(format!("{name}.rs")),
    );
    let before = fs::read_to_string(&lib).map_err(|error| failed(&lib, &error))?;
    let after = with_migration(&before, &name).ok_or_else(|| {
        failed(
            &lib,
            &"the file has no list of migrations, vec![Box::new(…), …]",
        )
    })?;
    let template = match folder.join("src/declared.rs").exists() {
        true => DECLARING,
        false => PLAIN,
    };
    say(&format!(
        "Generating new migration...\nCreating migration file `{}`\nAdding migration `{name}` to `{}`\n",
        file.display(),
        lib.display()
    ))?;
    create(&file, &in_lines_of(&before, template)).map_err(|error| failed(&file, &error))?;
    fs::write(&lib, after).map_err(|error| {
        // The first error is the cause, and is the one to report.
        let _ = fs::remove_file(&file).and_then(|()| fs::write(&lib, &before));
        failed(&lib, &error)
    })
}

/// The clock that dates a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Universal,
    Local,
}

impl Clock {
    fn now(self) -> String {
        const AS_SEAORM: &str = "%Y%m%d_%H%M%S";
        match self {
            Self::Universal => Utc::now().format(AS_SEAORM).to_string(),
            Self::Local => Local::now().format(AS_SEAORM).to_string(),
        }
    }
}

fn create(file: &Path, text: &str) -> std::io::Result<()> {
    let written = File::create_new(file)?.write_all(text.as_bytes());
    written.inspect_err(|_| {
        // The first error is the cause, and is the one to report.
        let _ = fs::remove_file(file);
    })
}

fn in_lines_of(text: &str, template: &str) -> String {
    template
        .replace("\r\n", "\n")
        .replace('\n', newline_of(text))
}

fn migrators_folder() -> Option<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let mut folders = package
        .into_iter()
        .chain([PathBuf::from("."), PathBuf::from("migration")]);
    folders.find(|folder| has_migrator(folder))
}

fn has_migrator(folder: &Path) -> bool {
    fs::read_to_string(folder.join("src/lib.rs"))
        .is_ok_and(|lib| lib.contains("MigratorTrait for "))
}

/// Writes SeaORM's migration template into the current folder, unless that contains a crate.
pub(super) fn init() -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::Scaffold {
        reason: error.to_string(),
        hint: None,
    };
    let folder = env::current_dir().map_err(|error| failed(&error))?;
    if ["Cargo.toml", "README.md", "src"]
        .iter()
        .any(|file| folder.join(file).exists())
    {
        return Err(CliError::CrateExists(folder));
    }
    // SeaORM's function panics if it cannot create this folder.
    fs::create_dir("src").map_err(|error| failed(&error))?;
    run_migrate_init("./").map_err(|error| failed(&error))
}
