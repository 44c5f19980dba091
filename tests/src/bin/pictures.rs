//! Writes the pictures of the documentation.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (path, picture) in tests::pictures::all() {
        fs::write(workspace.join(path), picture)?;
        println!("{path}");
    }
    Ok(())
}
