//! `sql`: the script of the migrations of this crate that declare a part of the shape.

use converge::{
    Engine,
    script::{Records, Script, Version},
};

use crate::{
    Error, Extent, Migrator, MigratorTrait, record_table::RecordTable, runner::Settings, versions,
};

/// The direction of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Applies the first migrations.
    Up,
    /// Rolls back the last migrations.
    Down,
}

/// Returns the script for a database without our tables (up), or for one to which the opposite
/// script has been applied (down).
pub(crate) fn script(
    backend: Engine,
    settings: &Settings,
    direction: Direction,
    extent: Extent,
) -> Result<String, Error> {
    settings.records.require_usable(backend)?;
    settings.records.require_scriptable(backend)?;
    let known = Migrator::migrations();
    let known: Vec<&str> = known.iter().map(|one| one.name()).collect();
    let range = settings.range(extent)?;
    let count = match direction {
        Direction::Up => range.up().len().min(range.limit()),
        Direction::Down => range.down().len().min(range.limit()),
    };
    let taken = match direction {
        Direction::Up => &known[..count],
        Direction::Down => &known[known.len() - count..],
    };
    if let Some(migration) = taken.iter().find(|one| !versions::is_declared(one)) {
        return Err(Error::Unscripted {
            migration: (*migration).to_owned(),
        });
    }
    let versions = known
        .iter()
        .filter_map(|migration| version(migration).transpose());
    let script = Script {
        backend,
        settings: &settings.engine,
        records: &Recorded {
            backend,
            table: &settings.records,
            known: &known,
        },
        versions: &versions.collect::<Result<Vec<_>, _>>()?,
    };
    Ok(match direction {
        Direction::Up => script.up(count)?,
        Direction::Down => script.down(count)?,
    })
}

fn version(migration: &str) -> Result<Option<Version>, Error> {
    let found = versions::Version::of(migration)?;
    Ok(found.map(|versions::Version { older, newer }| Version {
        migration: migration.to_owned(),
        older,
        newer,
    }))
}

struct Recorded<'r> {
    backend: Engine,
    table: &'r RecordTable,
    known: &'r [&'r str],
}

impl Records for Recorded<'_> {
    fn create(&self) -> String {
        self.table.create(self.backend)
    }

    fn insert(&self, migration: &str) -> String {
        self.table.insert(self.backend, migration)
    }

    fn delete(&self, migration: &str) -> String {
        self.table.delete(self.backend, migration)
    }

    fn has(&self, migration: &str) -> String {
        self.table.has(self.backend, migration)
    }

    fn has_others(&self) -> String {
        self.table.has_others(self.backend, self.known)
    }
}
