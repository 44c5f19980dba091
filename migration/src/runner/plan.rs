//! Plans of `up` that were reviewed, and their comparison with the present database.

use converge::{
    DifferenceReport, Engine, Location,
    session::{Planned, Session},
};

use super::{
    extent::{Extent, Range},
    preview::{self, Preview},
    settings::Settings,
};
use crate::Error;

/// A plan of [`Runner::up`](super::Runner::up) on one database, to be reviewed before
/// [`Runner::up_as_planned`](super::Runner::up_as_planned) applies it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The database, and the schema of PostgreSQL.
    pub location: Location,
    /// The migrations that would be applied, in their order.
    pub migrations: Vec<PlannedMigration>,
    /// How far `up` was asked to go.
    pub(crate) extent: Extent,
    pub(crate) engine: Engine,
    pub(crate) migration_table: String,
    /// The version of the crate that created the plan.
    pub(crate) release: String,
}

/// A migration of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedMigration {
    /// The name of the migration.
    pub migration: String,
    /// The differences that it would fix.
    pub found: Vec<Found>,
    /// The statements, as in [`Preview::statements`].
    pub statements: Option<Vec<String>>,
}

/// A difference that a planned migration would fix.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The table of the difference.
    pub table: String,
    /// The element of the shape.
    pub part: String,
    /// The sentence that describes the difference.
    pub found: String,
    /// The lock of each step. It may contain the size of a table, so it is not compared.
    pub locks: Vec<String>,
}

/// Returns the plan of what was previewed in this session.
pub(super) async fn of(
    session: &Session<'_>,
    settings: &Settings,
    extent: Extent,
    previews: Vec<Preview>,
) -> Result<Plan, Error> {
    let transaction = session.begin_to_read().await?;
    let location = converge::location(&transaction.db()).await;
    transaction.rollback().await?;
    Ok(Plan {
        location: location?,
        migrations: previews.into_iter().map(PlannedMigration::of).collect(),
        extent,
        engine: session.backend(),
        migration_table: settings.records.name().to_owned(),
        release: Plan::RELEASE.to_owned(),
    })
}

/// Requires that an inspection of this database still gives the same plan.
///
/// # Errors
///
/// [`Error::PlanDiffers`], and the errors of a preview.
pub(super) async fn require(
    session: &Session<'_>,
    settings: &Settings,
    planned: &Plan,
    location: Location,
) -> Result<(), Error> {
    let here = Plan {
        location,
        ..of(session, settings, planned.extent.clone(), Vec::new()).await?
    };
    // A preview would be meaningless on another kind of database, or with records in another place.
    let mut differences = planned.differences_of_location(&here);
    if differences.is_empty() {
        let range = settings.range(planned.extent.clone())?;
        let previews = preview::up(session, settings, &range).await?;
        let previewed = of(session, settings, planned.extent.clone(), previews).await?;
        differences = planned.differences(&previewed);
    }
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Error::PlanDiffers {
            location: here.location,
            differences,
        }),
    }
}

impl Plan {
    /// The version of this crate.
    pub(crate) const RELEASE: &str = env!("CARGO_PKG_VERSION");

    /// Returns the migrations that may be applied: those of the plan.
    pub(super) fn range(&self) -> Range {
        Range::of_all(self.names().map(str::to_owned).collect())
    }

    /// Returns the statements that may be run for a migration.
    pub(super) fn planned(&self, migration: &str) -> Planned {
        let mut all = self.migrations.iter();
        match all.find(|one| one.migration == migration) {
            Some(one) => Planned {
                statements: one.statements.clone().unwrap_or_default(),
                found: one.found.iter().map(Found::key).collect(),
            },
            None => Planned::default(),
        }
    }

    /// Returns, as sentences, how the present plan differs from this one; none if it is the same.
    fn differences(&self, now: &Self) -> Vec<String> {
        let mut all = Vec::new();
        let pending = |name: &str| now.migrations.iter().any(|one| one.migration == name);
        let gone = self.names().filter(|name| !pending(name));
        all.extend(gone.map(|name| format!("{name} is not pending")));
        let planned = |name: &str| self.names().any(|one| one == name);
        let added = now.names().filter(|name| !planned(name));
        all.extend(added.map(|name| format!("{name} is pending, and not in the plan")));
        for planned in &self.migrations {
            let now = now.migrations.iter();
            let mut same = now.filter(|one| one.migration == planned.migration);
            if let Some(now) = same.next() {
                all.extend(planned.differences(now));
            }
        }
        if all.is_empty() && !self.names().eq(now.names()) {
            all.push("the migrations are planned in another order".to_owned());
        }
        all
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.migrations.iter().map(|one| one.migration.as_str())
    }

    fn differences_of_location(&self, now: &Self) -> Vec<String> {
        let mut all = Vec::new();
        let mut compare = |what: &str, planned: String, now: String| {
            if planned != now {
                all.push(format!(
                    "the plan is of {what} {planned}, and this is {now}"
                ));
            }
        };
        compare("the release", self.release.clone(), now.release.clone());
        let engine = |plan: &Self| plan.engine.name().to_owned();
        compare("the engine", engine(self), engine(now));
        compare("the", self.location.to_string(), now.location.to_string());
        let table = |plan: &Self| format!("{:?}", plan.migration_table);
        compare("the migration table", table(self), table(now));
        all
    }
}

impl PlannedMigration {
    fn of(preview: Preview) -> Self {
        Self {
            found: preview.differences.iter().map(Found::of).collect(),
            migration: preview.migration,
            statements: preview.statements,
        }
    }

    fn differences(&self, now: &Self) -> Vec<String> {
        let name = &self.migration;
        let mut all = Vec::new();
        let gone = self.found.iter().filter(|one| !now.has(one));
        all.extend(gone.map(|one| format!("{name}: not found any more: {}", one.sentence())));
        let added = now.found.iter().filter(|one| !self.has(one));
        all.extend(added.map(|one| format!("{name}: found now: {}", one.sentence())));
        if all.is_empty() && self.statements != now.statements {
            let planned = self.statements.as_deref().unwrap_or_default();
            let now = now.statements.as_deref().unwrap_or_default();
            let gone = planned.iter().filter(|one| !now.contains(one));
            all.extend(
                gone.map(|one| format!("{name}: the plan has `{one}`, which is not needed now")),
            );
            let added = now.iter().filter(|one| !planned.contains(one));
            all.extend(
                added.map(|one| format!("{name}: `{one}` is needed now and is not in the plan")),
            );
            if all.is_empty() {
                all.push(format!(
                    "{name}: its statements are planned in another order"
                ));
            }
        }
        all
    }

    fn has(&self, found: &Found) -> bool {
        self.found.iter().any(|one| one.key() == found.key())
    }
}

impl Found {
    fn of(difference: &DifferenceReport) -> Self {
        Self {
            table: difference.table.clone(),
            part: difference.part.clone(),
            found: difference.found.clone(),
            locks: difference
                .steps()
                .iter()
                .map(|step| step.lock.clone())
                .collect(),
        }
    }

    /// Returns what is compared of a difference. Numbers are left out, because they change as rows
    /// come and go. The response to the difference is compared with the statements.
    fn key(&self) -> (String, String, String) {
        let found = Planned::without_numbers(&self.found);
        (self.table.clone(), self.part.clone(), found)
    }

    fn sentence(&self) -> String {
        format!("{}: {}", self.part, self.found)
    }
}
