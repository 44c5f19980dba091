use sea_orm_migration::{MigrationTrait, MigratorTrait};

use converge::Engine;

use super::extent::{Extent, Range};
use crate::{Error, Migrator, record_table::RecordTable};

/// How a program has a required table created: the next step of an error.
const CREATION_HINT: &str =
    "If no application creates it, Runner::create_documents allows this runner to do so";

/// The settings of a caller, and the migrator's list.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) engine: converge::session::Settings,
    /// The database that `fresh` may empty, whichever program created its tables.
    pub(crate) may_drop_all_of: Option<String>,
    pub(crate) migrations: fn() -> Vec<Box<dyn MigrationTrait>>,
    pub(crate) records: RecordTable,
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(Migrator::migrations, RecordTable::default())
    }
}

impl Settings {
    pub(crate) fn new(
        migrations: fn() -> Vec<Box<dyn MigrationTrait>>,
        records: RecordTable,
    ) -> Self {
        let mut settings = Self {
            engine: converge::session::Settings {
                creation_hint: CREATION_HINT,
                ..converge::session::Settings::default()
            },
            may_drop_all_of: None,
            migrations,
            records: records.clone(),
        };
        settings.set_records(records);
        settings
    }

    /// Returns the range of the migrator's list that an extent covers.
    pub(crate) fn range(&self, extent: Extent) -> Result<Range, Error> {
        let names = (self.migrations)().into_iter();
        extent.of(names.map(|one| one.name().to_owned()).collect())
    }

    /// Returns the engine's settings after the sizes of what is rewritten have been checked.
    /// SQLite's file grows with each step, so there the limit does not apply a second time.
    pub(crate) fn measured(&self, backend: Engine) -> converge::session::Settings {
        let mut engine = self.engine.clone();
        if backend == Engine::Sqlite {
            engine.max_rewrite = u64::MAX;
        }
        engine
    }

    pub(crate) fn set_records(&mut self, records: RecordTable) {
        records.name().clone_into(&mut self.engine.records);
        self.records = records;
    }
}
