//! Fixes every difference, and deletes orphans first where that is asked for.

use converge::{
    Handover, MigrationLock, OrphansFirst, Refusal, Shape, converge, is_commit_unknown,
    is_lost_race, session::Session,
};

use super::Task;
use crate::{
    Error,
    runner::{records, repaired::Repaired, settings::Settings},
    versions::{self, Compared},
};

pub(in crate::runner) struct Repair<'s> {
    /// Where orphans are stored, if they are to be deleted.
    pub(in crate::runner) handover: Option<Handover<'s>>,
}

impl Task for Repair<'_> {
    type Output = Repaired;

    async fn run(&self, lock: &MigrationLock<'_>, settings: &Settings) -> Result<Repaired, Error> {
        let session = lock.work();
        let transaction = session.begin_to_read().await?;
        let recorded = records::known(&transaction.db(), settings).await?;
        let tables = converge::tables(&transaction.db()).await?;
        transaction.rollback().await?;
        let Compared { shape, pending } = versions::compared(&recorded, &tables)?;
        let orphans = match self.handover {
            Some(_) => OrphansFirst::Deleted,
            None => OrphansFirst::Kept,
        };
        converge::require_small_rewrites(&session, &shape, orphans).await?;
        let engine = settings.measured(session.backend());
        let session = session.with(&engine);
        let handed_over = || self.handover.as_ref().map_or(0, Handover::rows);
        let mut steps = Vec::new();
        loop {
            let at_first = handed_over();
            let kept = match &self.handover {
                Some(handover) => delete_orphans(&session, &shape, handover).await?,
                None => None,
            };
            let converged = converge(&session, &shape, Refusal::OfItself).await?;
            let is_progress = !converged.done.is_empty() || handed_over() > at_first;
            steps.extend(converged.done);
            // Some orphans can only be deleted when the table is placed where it should be.
            let may_delete_more = self.handover.is_some()
                && kept.is_none()
                && converged.current.has_deletable_orphans();
            if may_delete_more && is_progress {
                continue;
            }
            let failed = converged.failed.into_iter().map(|step| step.error);
            let mut report = converged.current.report(&shape);
            report.pending = pending;
            return Ok(Repaired {
                steps,
                failed: kept.into_iter().chain(failed).collect(),
                deleted_orphans: handed_over(),
                report,
            });
        }
    }

    fn take_back(&self) -> Result<(), Error> {
        Ok(self.handover.as_ref().map_or(Ok(()), Handover::roll_back)?)
    }
}

/// Returns what prevented the deletion of orphans, if that is no reason to stop.
async fn delete_orphans(
    session: &Session<'_>,
    shape: &Shape,
    handover: &Handover<'_>,
) -> Result<Option<converge::Error>, Error> {
    match converge::delete_orphans(session, shape, handover).await {
        Ok(()) => Ok(None),
        Err(error @ converge::Error::OrphansKept { .. }) => Ok(Some(error)),
        Err(converge::Error::Step { statements, source })
            if !is_lost_race(&source) && !is_commit_unknown(&source) =>
        {
            Ok(Some(converge::Error::Step { statements, source }))
        }
        Err(error) => Err(error.into()),
    }
}
