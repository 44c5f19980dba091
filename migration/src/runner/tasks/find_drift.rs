//! Finds out whether the tables are still as declared once every migration is recorded.

use converge::MigrationLock;

use super::Task;
use crate::{
    Error, Report,
    runner::{
        drift,
        record_form::Use,
        records::{self, Form},
        settings::Settings,
    },
};

/// The state of the tables since every migration was recorded.
pub(in crate::runner) enum Drift {
    None,
    Some(Box<Report>),
    /// Not every migration is recorded any more.
    NotComplete,
}

pub(in crate::runner) struct FindDrift;

impl Task for FindDrift {
    type Output = Drift;

    async fn run(&self, lock: &MigrationLock<'_>, settings: &Settings) -> Result<Drift, Error> {
        let pending = records::pending(&lock.work(), settings, Form::Unknown(Use::Names)).await?;
        if pending.is_none_or(|pending| !pending.is_empty()) {
            return Ok(Drift::NotComplete);
        }
        let found = drift::find(&lock.work(), settings).await?;
        Ok(found.map_or(Drift::None, Drift::Some))
    }
}
