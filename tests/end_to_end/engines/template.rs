//! The data of new servers. It is made once for each program and copied, which takes a fraction of
//! the time.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

use super::{
    Failure,
    process::{self, Account},
};

static MADE: Mutex<BTreeMap<&'static str, TempDir>> = Mutex::new(BTreeMap::new());

/// Creates the data of a server as a copy of what `make` creates in the folder that it is given.
pub fn copy(
    program: &'static str,
    account: Account,
    to: &Path,
    make: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !made.contains_key(program) {
        let folder = account.folder("colpali-template-")?;
        make(folder.path())?;
        made.insert(program, folder);
    }
    let mut cp = Command::new("cp");
    cp.arg("-a").arg(made[program].path().join(DATA)).arg(to);
    process::run(cp)
}

/// The data within the folder.
pub const DATA: &str = "data";

/// Removes what was made.
pub fn remove() {
    MADE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
