//! A wait for other sessions: how long it has lasted, and for whom.

use std::time::{Duration, Instant};

use futures_timer::Delay;
use sea_orm::DbErr;
use sea_orm_migration::SchemaManagerConnection;

use crate::{
    Error,
    declare::Shape,
    error::Work,
    lock::{self, BETWEEN_TRIES, Need},
    server_error::{is_in_use, is_lock_timeout, is_lost_race},
    session::{Session, Settings},
};

/// A wait for other sessions, of many short tries.
pub struct Wait {
    started: Instant,
    reported: Option<String>,
    /// Of a step that needs less of its tables than others.
    need: Option<Need>,
}

/// What follows a try that failed.
pub enum Next {
    /// Another try.
    TryAgain,
    /// Nothing: others were waited for long enough, whom this error names.
    TimedOut(Error),
    /// Nothing: another try would not succeed.
    Failed,
}

impl Wait {
    /// Returns a wait that begins now.
    pub fn begin() -> Self {
        Self {
            started: Instant::now(),
            reported: None,
            need: None,
        }
    }

    /// Returns a wait to change rows.
    pub(crate) fn for_rows() -> Self {
        Self {
            need: Some(Need::Rows),
            ..Self::begin()
        }
    }

    /// Returns whether others were waited for long enough.
    pub fn is_over(&self, settings: &Settings) -> bool {
        self.started.elapsed() >= settings.lock_wait
    }

    /// Logs for whom, once for each of them in a row. What a holder is doing may change meanwhile.
    pub fn report(&mut self, holder: &str) {
        let who = holder.split(',').next().unwrap_or(holder);
        if self.reported.as_deref() != Some(who) {
            tracing::info!("waiting for {holder}");
            self.reported = Some(who.to_owned());
        }
    }

    /// Decides whether there is another try, and pauses before it. In a transaction of the caller's there is none.
    pub async fn next(
        &mut self,
        session: &Session<'_>,
        tables: &[String],
        work: Work,
        source: &DbErr,
    ) -> Next {
        let may_try = matches!(session.db, SchemaManagerConnection::Connection(_))
            && !self.is_over(session.settings);
        if !is_lost_race(source) || !(may_try || is_lock_timeout(source)) {
            return Next::Failed;
        }
        let holder = match is_in_use(source) {
            true => {
                let need = self.need.unwrap_or_else(|| Need::of(&work));
                lock::blocker(session, tables, need).await
            }
            false => None,
        };
        let holder = holder.map(|blocker| blocker.sentence);
        match (may_try, is_lock_timeout(source)) {
            (true, _) => {
                if let Some(holder) = &holder {
                    self.report(holder);
                }
                Delay::new(BETWEEN_TRIES).await;
                Next::TryAgain
            }
            (false, true) => {
                let elapsed = self.started.elapsed();
                Next::TimedOut(in_use(session.settings, elapsed, work, holder))
            }
            (false, false) => Next::Failed,
        }
    }

    /// Pauses before another try, where there is one.
    ///
    /// # Errors
    ///
    /// The error where another try would not succeed, and [`Error::InUse`] where others were waited for long enough.
    pub(crate) async fn again(
        &mut self,
        session: &Session<'_>,
        shape: &Shape,
        error: Error,
    ) -> Result<(), Error> {
        let Some((work, source)) = error.waited() else {
            return Err(error);
        };
        match self.next(session, &names(shape), work, source).await {
            Next::TryAgain => Ok(()),
            Next::TimedOut(error) => Err(error),
            Next::Failed => Err(error),
        }
    }
}

/// In a caller's transaction a wait may end before all of it was used.
pub(crate) fn in_use(
    settings: &Settings,
    waited: Duration,
    work: Work,
    holder: Option<String>,
) -> Error {
    let seconds = waited.min(settings.lock_wait).as_secs_f64();
    Error::InUse {
        work,
        seconds: (seconds * 10.0).round() / 10.0,
        holder,
    }
}

/// The tables that other sessions may have in use.
pub(crate) fn names(shape: &Shape) -> Vec<String> {
    let tables = shape.tables.iter();
    tables.map(|declared| declared.table.name.clone()).collect()
}
