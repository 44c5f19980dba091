//! The report of `check`, for people and for machines.

use crate::{
    declare::Shape,
    diff::{Difference, Unknown, name, notes},
    error::Error,
    facts::Size,
    inspect::Inspection,
    model::Location,
    plan::{self, Obstacle, Plan, Remedy, Step, Tables},
};

/// The comparison of the current shape with the declared one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The database and schema that were inspected.
    pub location: Location,
    /// Every element of the declared shape.
    pub parts: Vec<ElementReport>,
    /// The differences, in the order in which they are fixed.
    pub differences: Vec<DifferenceReport>,
    /// The elements that could not be compared, because this role may not see them.
    pub unknown: Vec<UnknownReport>,
    /// What exists beyond the declared shape and is kept, and on SQLite which connections enforce
    /// foreign keys.
    pub notes: Vec<String>,
    /// Whether a migrator was running at the same time, which may be about to fix the differences.
    pub at_work: AtWork,
    /// The migrations that are not applied yet and declare more than what was compared.
    pub pending: Vec<String>,
}

/// Whether another session held the migration lock while the tables were inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtWork {
    /// No session held it. On a Galera cluster this concerns only the node that was asked, because
    /// the lock belongs to one node.
    No,
    /// This session held it.
    Yes(Migrator),
    /// Unknown. SQLite does not show which connection writes its file, and a standby of PostgreSQL
    /// does not know its primary's locks; or the server did not answer the question.
    Unknown,
}

/// A session that holds the migration lock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrator {
    /// A description of the session, as far as this role may see it.
    pub who: String,
    /// The start, in UTC, such as `2026-11-23T12:00:00Z`. On PostgreSQL this is when it acquired
    /// the lock for the migration that it applies; on MySQL and MariaDB the latest possible time.
    /// `None` if this role may not see it.
    pub since: Option<String>,
}

/// An element of the declared shape.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ElementReport {
    /// The table of the element.
    pub table: String,
    /// The name of the element, as in [`DifferenceReport::part`].
    pub name: String,
    /// What is declared.
    pub declared: String,
    /// The result of the comparison.
    pub state: ElementState,
}

/// The result of comparing an element with its declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementState {
    /// It is as declared.
    AsDeclared,
    /// It is not as declared, or what it depends on does not exist.
    Differs,
    /// This role may not see it.
    Unknown,
}

/// An element that could not be compared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnknownReport {
    /// The table of the element.
    pub table: String,
    /// The name of the element, as in [`DifferenceReport::part`].
    pub part: String,
    /// What was refused, and the next step.
    pub reason: String,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DifferenceReport {
    /// The table of the difference.
    pub table: String,
    /// The element of the shape.
    pub part: String,
    /// What was found.
    pub found: String,
    /// What `repair` does about it.
    pub remedy: RemedyReport,
}

/// What `repair` does about a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemedyReport {
    /// Fixes it, without losing or inventing data.
    Repair {
        /// The steps that are left.
        steps: Vec<StepReport>,
    },
    /// Deletes the rows on request (`--delete-orphans`).
    DeleteOrphans {
        /// The query that lists the rows.
        query: String,
    },
    /// Nothing, until this element is as declared.
    BlockedBy {
        /// The element.
        part: String,
    },
    /// Nothing: a manual decision is needed.
    Manual {
        /// The next step.
        next_step: String,
    },
}

/// Statements that are run together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepReport {
    /// The statements, in their order.
    pub statements: Vec<String>,
    /// The lock that the statements take, and for how long. If the time depends on the size of the
    /// table, it contains that size.
    pub lock: String,
    /// How much of the table they copy or rewrite.
    pub rewrites: Rewrites,
}

/// How much of its table a step copies or rewrites. A step that only reads the table, for example
/// to build an index, rewrites nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrites {
    /// Nothing.
    Nothing,
    /// A table of this many bytes: measured on PostgreSQL, estimated by MySQL and MariaDB, and on
    /// SQLite those of the whole file.
    Bytes(u64),
    /// A table whose size the catalog of this connection does not contain, such as one that Citus
    /// has distributed.
    UnknownSize,
}

impl Rewrites {
    fn of(step: &Step, size: Option<Size>) -> Self {
        match (step.lock.rewrites(), size) {
            (false, _) => Self::Nothing,
            (true, Some(size)) => Self::Bytes(size.bytes),
            (true, None) => Self::UnknownSize,
        }
    }

    /// Returns the number of bytes if it is above a limit.
    pub fn above(self, limit: u64) -> Option<u64> {
        match self {
            Self::Bytes(bytes) if bytes > limit => Some(bytes),
            Self::Nothing | Self::Bytes(_) | Self::UnknownSize => None,
        }
    }
}

impl Report {
    /// Returns whether everything could be compared and nothing differs.
    pub fn as_declared(&self) -> bool {
        self.differences.is_empty() && self.unknown.is_empty()
    }

    /// Returns the report, with the size of each table on which the time of a step depends.
    pub(crate) fn of(
        inspection: &Inspection,
        plans: &[Plan],
        unknown: &[Unknown],
        size_of: impl Fn(&str) -> Option<Size>,
        shape: &Shape,
    ) -> Self {
        let parts = name::elements(shape).into_iter().filter_map(|element| {
            let differs = plans.iter().any(|plan| plan.change.element() == element);
            // If the object is not a table, its other elements were not compared.
            let hides =
                |plan: &Plan| plan.change.table == element.table && plan.change.hides_the_rest();
            let foundation = plan::foundation(shape, &element);
            let removes = |plan: &Plan| {
                plan.change.difference.is_absence() && foundation.contains(&plan.change.element())
            };
            let is_unknown = unknown.iter().any(|one| one.element == element);
            let is_shown = differs || name::applies(inspection, shape, &element);
            is_shown.then(|| ElementReport {
                name: name::name(shape, &element),
                declared: name::declared(inspection, shape, &element),
                state: match differs || plans.iter().any(|one| hides(one) || removes(one)) {
                    true => ElementState::Differs,
                    false if is_unknown => ElementState::Unknown,
                    false => ElementState::AsDeclared,
                },
                table: element.table.clone(),
            })
        });
        Self {
            parts: parts.collect(),
            differences: plans
                .iter()
                .map(|plan| {
                    let size = size_of(&plan.change.table);
                    DifferenceReport::of(plan, shape, size)
                })
                .collect(),
            unknown: unknown
                .iter()
                .map(|one| UnknownReport {
                    table: one.element.table.clone(),
                    part: name::name(shape, &one.element),
                    reason: one.reason.clone(),
                })
                .collect(),
            notes: notes(inspection, shape),
            at_work: AtWork::No,
            pending: Vec::new(),
            location: inspection.location.clone(),
        }
    }
}

impl DifferenceReport {
    /// Returns the steps that fix the difference; none if it needs something else.
    pub fn steps(&self) -> &[StepReport] {
        match &self.remedy {
            RemedyReport::Repair { steps } => steps,
            RemedyReport::DeleteOrphans { .. }
            | RemedyReport::BlockedBy { .. }
            | RemedyReport::Manual { .. } => &[],
        }
    }

    pub(crate) fn of(plan: &Plan, shape: &Shape, size: Option<Size>) -> Self {
        let step = |step: &Step| StepReport {
            statements: step.statements.clone(),
            lock: step
                .lock
                .sentence(size, &Tables::of(shape, &plan.change.table)),
            rewrites: Rewrites::of(step, size),
        };
        let change = &plan.change;
        Self {
            table: change.table.clone(),
            part: name::name(shape, &change.element()),
            found: change.sentence(),
            remedy: match &plan.remedy {
                Remedy::Repair(steps) => RemedyReport::Repair {
                    steps: steps.iter().map(step).collect(),
                },
                Remedy::Left(Obstacle::DeleteOrphans) => RemedyReport::DeleteOrphans {
                    query: match &change.difference {
                        Difference::Orphans(orphans) => orphans.query.clone(),
                        _ => String::new(),
                    },
                },
                Remedy::Left(Obstacle::BlockedBy(element)) => RemedyReport::BlockedBy {
                    part: name::name(shape, element),
                },
                Remedy::Left(Obstacle::Manual(next_step)) => RemedyReport::Manual {
                    next_step: next_step.clone(),
                },
            },
        }
    }
}

impl std::fmt::Display for DifferenceReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { found, remedy, .. } = self;
        match remedy {
            RemedyReport::Repair { .. } => write!(f, "{found}"),
            RemedyReport::DeleteOrphans { query } => {
                write!(f, "{found}; this query lists them: {query}")
            }
            RemedyReport::BlockedBy { part } => write!(f, "{found}; waits for: {part}"),
            RemedyReport::Manual { next_step } => write!(f, "{found}; {next_step}"),
        }
    }
}

/// Returns the error of differences that cannot be fixed.
pub(crate) fn refused<'p>(
    location: Location,
    shape: &Shape,
    plans: impl Iterator<Item = &'p Plan>,
    done: usize,
) -> Error {
    let plans: Vec<&Plan> = plans.collect();
    let is_of_orphans = |plan: &&Plan| matches!(plan.remedy, Remedy::Left(Obstacle::DeleteOrphans));
    Error::Refused {
        location,
        has_orphans: plans.iter().any(is_of_orphans),
        reasons: sentences(shape, plans.into_iter()),
        done,
    }
}

/// Returns the error of differences that are left although no step is.
pub(crate) fn still_differs(location: Location, shape: &Shape, plans: &[Plan]) -> Error {
    Error::StillDiffers {
        location,
        differences: sentences(shape, plans.iter()),
    }
}

fn sentences<'p>(shape: &Shape, plans: impl Iterator<Item = &'p Plan>) -> Vec<String> {
    plans
        .map(|plan| DifferenceReport::of(plan, shape, None).to_string())
        .collect()
}
