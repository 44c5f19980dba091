//! The shape at each version: the sum of the declarations up to a migration.

use std::marker::PhantomData;

use converge::{Declaration, Declares, Shape};
use sea_orm_migration::MigrationTrait;

use crate::{error::Error, listed};

/// A migration of this crate and its declaration. A plain SeaORM migration declares nothing.
pub(crate) struct Listed {
    pub(crate) migration: Box<dyn MigrationTrait>,
    pub(crate) declare: Option<fn(&mut Shape)>,
}

/// Creates [`Listed`] entries from the list of plain boxes to which `sea-orm-cli migrate generate`
/// appends.
macro_rules! migrations {
    (vec![$(Box::new($module:ident::Migration)),* $(,)?]) => {
        vec![$($crate::versions::Listed {
            declare: {
                #[allow(unused_imports, reason = "one of the two is enough for each migration")]
                use $crate::versions::{DeclaresNothing as _, DeclaresShape as _};
                (&$crate::versions::Probe::<$module::Migration>::default()).declaration()
            },
            migration: Box::new($module::Migration),
        }),*]
    };
}
pub(crate) use migrations;

/// A probe that tells whether a type implements [`Declares`]: the compiler prefers the method that
/// needs no further reference.
pub(crate) struct Probe<M>(PhantomData<M>);

impl<M> Default for Probe<M> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

pub(crate) trait DeclaresShape {
    fn declaration(&self) -> Option<fn(&mut Shape)>;
}

impl<M: Declares> DeclaresShape for Probe<M> {
    fn declaration(&self) -> Option<fn(&mut Shape)> {
        Some(M::declare)
    }
}

#[allow(dead_code, reason = "all migrations of this release declare something")]
pub(crate) trait DeclaresNothing {
    fn declaration(&self) -> Option<fn(&mut Shape)>;
}

impl<M> DeclaresNothing for &Probe<M> {
    fn declaration(&self) -> Option<fn(&mut Shape)> {
        None
    }
}

/// The shapes before and with one migration.
pub(crate) struct Version {
    pub(crate) older: Shape,
    pub(crate) newer: Shape,
}

impl Version {
    /// Returns the version of a migration; `None` if it declares nothing.
    pub(crate) fn of(migration: &str) -> Result<Option<Self>, Error> {
        let all = declarations();
        let Some(at) = all.iter().position(|one| one.name == migration) else {
            return Ok(None);
        };
        Ok(Some(Self {
            older: shape(&all, at)?,
            newer: shape(&all, at + 1)?,
        }))
    }
}

/// Returns whether a migration declares a part of the shape, so that the engine runs it.
pub(crate) fn is_declared(migration: &str) -> bool {
    declarations().iter().any(|one| one.name == migration)
}

/// Returns the shape that all migrations declare together.
pub(crate) fn newest() -> Result<Shape, Error> {
    let all = declarations();
    shape(&all, all.len())
}

/// The shape with which `check` and `repair` compare the tables.
pub(crate) struct Compared {
    pub(crate) shape: Shape,
    /// The migrations whose declarations are not part of it.
    pub(crate) pending: Vec<String>,
}

/// Returns the shape to compare with if these migrations are recorded and these tables exist: the
/// shape at the newest recorded migration, or at a later one whose table exists already, so that an
/// older form of that table is found and repaired. Until a migration is recorded that creates a
/// table, it is the newest of all.
pub(crate) fn compared(recorded: &[String], tables: &[String]) -> Result<Compared, Error> {
    let all = declarations();
    let newest = all.iter().rposition(|one| recorded.contains(&one.name));
    let recorded = newest.map_or(0, |at| at + 1);
    let has_adopted = shape(&all, recorded)?.own_tables().next().is_some();
    let compared = if has_adopted { recorded } else { all.len() };
    let is_there = |table: &str| tables.iter().any(|one| one.eq_ignore_ascii_case(table));
    let mut count = compared;
    for at in compared..all.len() {
        let (older, newer) = (shape(&all, at)?, shape(&all, at + 1)?);
        let mut made = newer.own_tables().filter(|table| !older.has_own(table));
        if made.any(is_there) {
            count = at + 1;
        }
    }
    Ok(Compared {
        shape: shape(&all, count)?,
        pending: all[count..].iter().map(|one| one.name.clone()).collect(),
    })
}

/// Returns the shape at the newest of these migrations; `None` if none of them declares anything.
pub(crate) fn at_newest_of(recorded: &[String]) -> Result<Option<Shape>, Error> {
    let all = declarations();
    let newest = all.iter().rposition(|one| recorded.contains(&one.name));
    newest.map(|at| shape(&all, at + 1)).transpose()
}

fn shape(all: &[Declaration], count: usize) -> Result<Shape, Error> {
    Ok(Shape::at(all, count).map_err(converge::Error::from)?)
}

fn declarations() -> Vec<Declaration> {
    let declared = |one: Listed| {
        Some(Declaration {
            name: one.migration.name().to_owned(),
            declare: one.declare?,
        })
    };
    listed().into_iter().filter_map(declared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_can_be_compared_with_a_database() {
        let newest = newest();

        assert!(newest.is_ok(), "{newest:?}");
    }
}
