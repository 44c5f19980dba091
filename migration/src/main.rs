//! The command that `sea-orm-cli migrate` runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    async_std::task::block_on(migration::cli::run())
}
