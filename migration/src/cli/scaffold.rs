//! `generate` and `init`, which touch source files and no database.

use std::{env, path::PathBuf};

use sea_orm_cli::{run_migrate_generate, run_migrate_init};

use super::error::CliError;

/// Adds an empty migration to this crate: under `cargo run` the crate's folder, else the current one.
pub(super) fn generate(name: &str, universal_time: bool) -> Result<(), CliError> {
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or(".".to_owned());
    run_migrate_generate(&folder, name, universal_time)
        .map_err(|error| CliError::Scaffold(format!("{error} (in {folder})")))
}

/// Writes SeaORM's migration template into the current folder, unless that holds a crate.
pub(super) fn init() -> Result<(), CliError> {
    let folder = env::current_dir().unwrap_or(PathBuf::from("."));
    if folder.join("Cargo.toml").exists() || folder.join("src").exists() {
        return Err(CliError::CrateExists(folder));
    }
    run_migrate_init("./").map_err(|error| CliError::Scaffold(error.to_string()))
}
