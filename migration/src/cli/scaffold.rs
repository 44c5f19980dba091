//! `generate` and `init`, which touch source files and no database.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use sea_orm_cli::{run_migrate_generate, run_migrate_init};

use super::error::CliError;

/// A migration that declares nothing yet.
const TEMPLATE: &str = include_str!("migration.rs.template");

/// Adds an empty migration to the crate that has the migrator: under `cargo run` the package's folder,
/// else the current one or `migration` in it.
pub(super) fn generate(name: &str, universal_time: bool) -> Result<(), CliError> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "_ ".contains(letter))
    };
    if !is_name(name) {
        return Err(CliError::Scaffold(
            "the name is none for a module. Use letters, digits and _".to_owned(),
        ));
    }
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let folders = package
        .into_iter()
        .chain([PathBuf::from("."), PathBuf::from("migration")]);
    let Some(folder) = folders.into_iter().find(|folder| has_migrator(folder)) else {
        return Err(CliError::Scaffold(
            "no crate with a migrator is here. Run it in the folder of the workspace or of the crate".to_owned(),
        ));
    };
    let failed = |error: &dyn std::fmt::Display| {
        CliError::Scaffold(format!("{error} (in {})", folder.display()))
    };
    let before = sources(&folder).map_err(|error| failed(&error))?;
    run_migrate_generate(&folder.to_string_lossy(), name, universal_time)
        .map_err(|error| failed(&error))?;
    // SeaORM's template is one of statements; another crate's migrator may know no declarations.
    if folder.join("src/declared.rs").exists() {
        let after = sources(&folder).map_err(|error| failed(&error))?;
        for new in after.iter().filter(|file| !before.contains(file)) {
            fs::write(new, TEMPLATE).map_err(|error| failed(&error))?;
        }
    }
    Ok(())
}

fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder.join("src"))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn has_migrator(folder: &Path) -> bool {
    fs::read_to_string(folder.join("src/lib.rs"))
        .is_ok_and(|lib| lib.contains("MigratorTrait for "))
}

/// Writes SeaORM's migration template into the current folder, unless that holds a crate.
pub(super) fn init() -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::Scaffold(error.to_string());
    let folder = env::current_dir().map_err(|error| failed(&error))?;
    if ["Cargo.toml", "README.md", "src"]
        .iter()
        .any(|file| folder.join(file).exists())
    {
        return Err(CliError::CrateExists(folder));
    }
    // The template's writer panics where it cannot.
    fs::create_dir("src").map_err(|error| failed(&error))?;
    run_migrate_init("./").map_err(|error| failed(&error))
}
