//! The command that `sea-orm-cli migrate` runs.

// The future of the whole command line is deep, and an optimised build lays out more of it.
#![recursion_limit = "256"]

use std::process::ExitCode;

fn main() -> ExitCode {
    async_std::task::block_on(migration::cli::run())
}
