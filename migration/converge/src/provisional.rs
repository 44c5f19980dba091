//! Provisional names of foreign keys. MariaDB replaces a foreign key only by one of another name.
//! Between the two statements that name tells which key is replaced, so that the next run can
//! restore it.

const PREFIX: &str = "colpali replaces ";

/// The longest name of MySQL and MariaDB, in characters.
const LONGEST_NAME: usize = 64;

/// Returns the provisional name; `None` if the name is too long.
pub(crate) fn name_for(replaced: &str) -> Option<String> {
    let name = format!("{PREFIX}{replaced}");
    (name.chars().count() <= LONGEST_NAME).then_some(name)
}

/// Returns the name of the key that this one has replaced.
pub(crate) fn replaced(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}
