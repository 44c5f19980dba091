//! What `check` found, for people and for machines.

use super::{
    converge::Look,
    difference::{self, Obstacle, Part, Remedy},
    live::{Place, Placement},
    rows::Orphans,
    step::{Plan, Step},
};

/// How the live shape compares with the declared one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Where it was looked.
    pub place: Place,
    /// Every part of the declared shape.
    pub parts: Vec<PartReport>,
    /// What is other than declared, in the order in which it is mended.
    pub differences: Vec<DifferenceReport>,
    /// What is there beyond the declared shape, and stays.
    pub notes: Vec<String>,
}

/// One part of the declared shape.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PartReport {
    /// Its name, as in [`DifferenceReport::part`].
    pub name: &'static str,
    /// What is declared.
    pub declared: &'static str,
    /// Whether it is as declared.
    pub as_declared: bool,
}

/// One difference.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DifferenceReport {
    /// The part of the shape.
    pub part: &'static str,
    /// What was found.
    pub found: String,
    /// What `repair` does about it.
    pub remedy: RemedyReport,
}

/// What `repair` does about a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemedyReport {
    /// It mends it, without losing or inventing data.
    Repair {
        /// The steps that are left.
        steps: Vec<StepReport>,
    },
    /// It deletes the rows when told to (`--delete-orphans`).
    DeleteOrphans {
        /// The query that lists them.
        query: &'static str,
    },
    /// Nothing before this part of the shape is as declared.
    After {
        /// The part.
        part: &'static str,
    },
    /// Nothing: somebody has to decide.
    Person {
        /// The next step.
        next_step: String,
    },
}

/// Statements that are run together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepReport {
    /// In their order.
    pub statements: Vec<String>,
    /// The lock that they take, and for how long. Where the time depends on the size of the table, with that
    /// size.
    pub lock: String,
}

impl Report {
    /// Whether nothing is other than declared.
    pub fn as_declared(&self) -> bool {
        self.differences.is_empty()
    }

    pub(crate) fn of(look: Look) -> Self {
        let differs = |part: Part| look.plans.iter().any(|plan| plan.difference.part() == part);
        // Of what is no table nothing else was looked at.
        let looked_at = !look
            .plans
            .iter()
            .any(|plan| plan.difference.hides_the_rest());
        let documents = look.live.documents_placement();
        let is_shown = |part: &Part| {
            let is_its = match part {
                Part::Placement => *documents != Placement::Local,
                Part::Storage => look.live.compression.is_some(),
                Part::Documents
                | Part::Table
                | Part::Column(_)
                | Part::PrimaryKey
                | Part::AutoIncrement
                | Part::ForeignKey
                | Part::Index
                | Part::Rows => true,
            };
            is_its || differs(*part)
        };
        let parts = Part::ALL
            .into_iter()
            .filter(is_shown)
            .map(|part| PartReport {
                name: part.name(),
                declared: part.declared(documents),
                as_declared: !differs(part) && (looked_at || part == Part::Documents),
            })
            .collect();
        Self {
            parts,
            differences: look
                .plans
                .iter()
                .map(|plan| DifferenceReport::of(plan, look.size.as_deref()))
                .collect(),
            notes: difference::notes(&look.live),
            place: look.live.place,
        }
    }
}

impl DifferenceReport {
    pub(crate) fn of(plan: &Plan, size: Option<&str>) -> Self {
        let step = |step: &Step| StepReport {
            statements: step.statements.clone(),
            lock: step.lock.sentence(size),
        };
        Self {
            part: plan.difference.part().name(),
            found: plan.difference.sentence(),
            remedy: match &plan.remedy {
                Remedy::Repair(steps) => RemedyReport::Repair {
                    steps: steps.iter().map(step).collect(),
                },
                Remedy::Left(Obstacle::DeleteOrphans) => RemedyReport::DeleteOrphans {
                    query: Orphans::QUERY,
                },
                Remedy::Left(Obstacle::After(part)) => RemedyReport::After { part: part.name() },
                Remedy::Left(Obstacle::Person(next_step)) => RemedyReport::Person {
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
                write!(
                    f,
                    "{found}; `repair --delete-orphans` deletes them, this lists them: {query}"
                )
            }
            RemedyReport::After { part } => write!(f, "{found}; waits for: {part}"),
            RemedyReport::Person { next_step } => write!(f, "{found}; {next_step}"),
        }
    }
}
