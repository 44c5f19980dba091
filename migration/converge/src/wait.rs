//! A wait for other sessions: its duration, and the session that is waited for.

use std::time::{Duration, Instant};

use futures_timer::Delay;
use sea_orm::DbErr;
use sea_orm_migration::SchemaManagerConnection;

use crate::{
    Error,
    declare::Shape,
    error::Work,
    lock::{self, BETWEEN_TRIES, Need, Reported},
    server_error::{is_in_use, is_lock_timeout, is_lost_race},
    session::{Session, Settings},
};

/// A wait for other sessions, which consists of many short attempts.
pub struct Wait {
    started: Instant,
    reported: Reported,
    /// The need of a step that needs less of its tables than others do.
    need: Option<Need>,
}

/// What follows an attempt that failed.
pub enum Next {
    /// Another attempt.
    TryAgain,
    /// No further attempt: the wait is over. The error names the session that was waited for.
    TimedOut(Error),
    /// No further attempt: another one would not succeed.
    Failed,
}

impl Wait {
    /// Returns a wait that begins now.
    pub fn begin() -> Self {
        Self {
            started: Instant::now(),
            reported: Reported::default(),
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

    /// Returns whether the wait has taken as long as the settings allow.
    pub fn is_over(&self, settings: &Settings) -> bool {
        self.started.elapsed() >= settings.lock_wait
    }

    /// Logs the session that is waited for.
    pub fn report(&mut self, holder: &str) {
        self.reported.report(holder);
    }

    /// Decides whether there is another attempt, and pauses before it. In a caller's transaction
    /// there is none.
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

    /// Pauses before another attempt, if there is one.
    ///
    /// # Errors
    ///
    /// The error itself if another attempt would not succeed, and [`Error::InUse`] if the wait is
    /// over.
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

/// Returns the error of a wait. In a caller's transaction a wait may end before the whole time was
/// used.
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

/// Returns the tables that other sessions may be using.
pub(crate) fn names(shape: &Shape) -> Vec<String> {
    let tables = shape.tables.iter();
    tables.map(|declared| declared.table.name.clone()).collect()
}
