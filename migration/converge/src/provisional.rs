//! MariaDB replaces a foreign key only by one of another name. For the moment between two statements that name
//! says whose place it has, so that whoever goes on can give it back.

const PREFIX: &str = "colpali replaces ";

/// Of MySQL and MariaDB, in letters.
const LONGEST_NAME: usize = 64;

/// None where the name is too long for another to hold it.
pub(crate) fn name_for(replaced: &str) -> Option<String> {
    let name = format!("{PREFIX}{replaced}");
    (name.chars().count() <= LONGEST_NAME).then_some(name)
}

/// The name of the key that this one has taken the place of.
pub(crate) fn replaced(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}
