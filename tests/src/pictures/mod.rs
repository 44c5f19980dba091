//! The pictures of the documentation: `cargo run -p tests --bin pictures` writes them.

mod convergence;
mod relations;
mod svg;

/// Returns each picture with its path in the workspace.
pub fn all() -> [(&'static str, String); 2] {
    [
        ("docs/relations.svg", relations::draw()),
        ("docs/convergence.svg", convergence::draw()),
    ]
}
