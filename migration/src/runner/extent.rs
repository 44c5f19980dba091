//! How far `up` and `down` go through the list of migrations.

use crate::Error;

/// How far [`Runner::up`](super::Runner::up) and [`Runner::down`](super::Runner::down) go.
///
/// `None` and `Some(count)` convert into an extent, as in SeaORM's own `up` and `down`.
///
/// ```no_run
/// use migration::{Extent, Runner};
///
/// # async fn example(db: &sea_orm::DatabaseConnection) -> Result<(), migration::Error> {
/// let runner = Runner::new();
/// runner.up(db, Extent::to("create_vectors")).await?;
/// runner.up(db, Some(1)).await?;
/// runner.down(db, Extent::to("create_vectors")).await
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every migration.
    All,
    /// This many: `up` applies the next ones, `down` rolls back the last ones.
    Count(u32),
    /// Up to the migration of this name, or the only one whose name contains it. `up` applies it
    /// and those before it; `down` rolls back those after it and keeps it.
    To(String),
}

impl Extent {
    /// Returns the extent that ends at a migration: see [`Extent::To`].
    pub fn to(name: impl Into<String>) -> Self {
        Self::To(name.into())
    }

    /// Returns the range of a list of migrations.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchMigration`] and [`Error::AmbiguousMigration`], with names to choose from.
    pub(crate) fn of(self, names: Vec<String>) -> Result<Range, Error> {
        let (boundary, count) = match self {
            Self::All => (None, None),
            Self::Count(count) => (None, Some(count)),
            Self::To(name) => (Some(position(&name, &names)?), None),
        };
        Ok(Range {
            names,
            boundary,
            count,
        })
    }
}

impl From<Option<u32>> for Extent {
    fn from(steps: Option<u32>) -> Self {
        steps.map_or(Self::All, Self::Count)
    }
}

/// Returns the position of a migration. A whole name takes precedence over a part of another.
fn position(wanted: &str, names: &[String]) -> Result<usize, Error> {
    if let Some(at) = names.iter().position(|name| name == wanted) {
        return Ok(at);
    }
    let is_part = |(_, name): &(usize, &String)| !wanted.is_empty() && name.contains(wanted);
    let found: Vec<(usize, &String)> = names.iter().enumerate().filter(is_part).collect();
    match found.as_slice() {
        [(at, _)] => Ok(*at),
        [] => Err(Error::NoSuchMigration {
            wanted: wanted.to_owned(),
            names: names.to_vec(),
        }),
        several => Err(Error::AmbiguousMigration {
            wanted: wanted.to_owned(),
            names: several.iter().map(|(_, name)| (*name).clone()).collect(),
        }),
    }
}

/// An extent in a list of migrations.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    names: Vec<String>,
    /// The position of the migration at which the range ends.
    boundary: Option<usize>,
    count: Option<u32>,
}

impl Range {
    /// Returns the range of exactly these migrations.
    pub(crate) fn of_all(names: Vec<String>) -> Self {
        Self {
            names,
            boundary: None,
            count: None,
        }
    }

    /// Returns the migrations that may be applied, in their order.
    pub(crate) fn up(&self) -> &[String] {
        match self.boundary {
            Some(at) => &self.names[..=at],
            None => &self.names,
        }
    }

    /// Returns the migrations that may be rolled back, in their order.
    pub(crate) fn down(&self) -> &[String] {
        match self.boundary {
            Some(at) => &self.names[at + 1..],
            None => &self.names,
        }
    }

    /// Returns how many migrations at most are applied or rolled back; `None` without a limit.
    pub(crate) fn count(&self) -> Option<u32> {
        self.count
    }

    /// Returns the same limit as a number of elements.
    pub(crate) fn limit(&self) -> usize {
        let limit = |count| usize::try_from(count).unwrap_or(usize::MAX);
        self.count.map_or(usize::MAX, limit)
    }

    /// Returns the name of the migration at which the range ends.
    pub(crate) fn end(&self) -> Option<&str> {
        self.boundary.map(|at| self.names[at].as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["m1_add_notes", "m2_notes", "m3_add_notes_index"]
            .map(str::to_owned)
            .into()
    }

    #[test]
    fn a_name_or_a_part_that_only_one_has_is_found() {
        for (wanted, up) in [("m1_add_notes", 1), ("m2", 2), ("index", 3)] {
            let range = Extent::to(wanted).of(names()).expect(wanted);

            assert_eq!(range.up(), &names()[..up], "{wanted}");
            assert_eq!(range.down(), &names()[up..], "{wanted}");
        }
    }

    #[test]
    fn a_whole_name_goes_before_a_part_of_another() {
        let mut names = names();
        names.push("notes".to_owned());

        let range = Extent::to("notes").of(names.clone()).expect("found");

        assert_eq!(range.up(), names);
    }

    #[test]
    fn what_no_name_or_several_have_lists_names() {
        for wanted in ["", "M1", "m4"] {
            let error = Extent::to(wanted).of(names()).err();
            let is_listed = matches!(&error, Some(Error::NoSuchMigration { names: all, .. }) if *all == names());
            assert!(is_listed, "{wanted}: {error:?}");
        }
        let error = Extent::to("add_notes").of(names()).err();
        let are_listed = matches!(
            &error,
            Some(Error::AmbiguousMigration { names, .. }) if *names == ["m1_add_notes", "m3_add_notes_index"]
        );
        assert!(are_listed, "{error:?}");
    }
}
