//! Inspections as JSON, recorded from a server, and the plans for a recorded one without a server.

use sea_orm::DbErr;
use serde::{Deserialize, Serialize};

use crate::{
    converge::{Depth, compare},
    declare::Shape,
    diff,
    engine::Engine,
    error::Error,
    facts::{Answer, Facts, Question},
    inspect::{Compression, Inspection},
    model::{Location, Reach, Table},
    plan::{self, Context},
    report::{DifferenceReport, RemedyReport},
    session::{Session, TxMode},
};

/// The part of an inspection that is the same on every server of a kind.
#[derive(Serialize, Deserialize)]
struct Recording {
    backend: Engine,
    tables: Vec<String>,
    names: Vec<String>,
    found: Vec<Table>,
    compression: Option<Compression>,
    reach: Reach,
    facts: Vec<(Question, Answer)>,
}

/// An error of a text for which nothing can be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It is not a recording, or one of another version of the engine.
    #[error("it is no recording: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The comparison asks for more than it did when it was recorded.
    #[error("it does not tell {}", .0.join(", "))]
    Unanswered(Vec<String>),
}

/// Inspects the shape, and returns what was found and asked as JSON.
///
/// # Errors
///
/// [`Error::Lookup`] if the catalog or the rows cannot be read.
pub async fn record(session: &Session<'_>, shape: &Shape) -> Result<String, Error> {
    let mut facts = Facts::default();
    let transaction = session.begin_to_read().await?;
    let compared = compare(
        &transaction.db(),
        session.settings,
        shape,
        Depth::Everything,
        &mut facts,
    )
    .await;
    transaction.rollback().await?;
    let (inspection, _) = compared?;
    let recording = Recording::of(inspection, &facts);
    serde_json::to_string_pretty(&recording).map_err(|error| DbErr::Json(error.to_string()).into())
}

/// Returns the plan for a recorded inspection, as `check` prints it.
///
/// # Errors
///
/// [`ReplayError`] if the text is not a recording that answers everything that the comparison asks.
pub fn replay(recorded: &str, shape: &Shape) -> Result<String, ReplayError> {
    let recording: Recording = serde_json::from_str(recorded)?;
    let (current, mut facts) = recording.inspection();
    let changes = diff::changes(&current, shape, &mut facts);
    if !facts.missing().is_empty() {
        let missing = facts.missing().iter().map(Question::to_string);
        return Err(ReplayError::Unanswered(missing.collect()));
    }
    let context = Context {
        current: &current,
        shape,
        mode: TxMode::Free,
        copied: &[],
    };
    let plans = plan::plan(&context, &changes);
    let reports = plans
        .iter()
        .map(|plan| DifferenceReport::of(plan, shape, None));
    Ok(reports.map(|report| text(&report)).collect())
}

impl Recording {
    fn of(inspection: Inspection, facts: &Facts) -> Self {
        let mut names = inspection.names;
        names.sort_unstable();
        Self {
            backend: inspection.backend,
            tables: inspection.tables,
            names,
            found: inspection.found,
            compression: inspection.compression,
            reach: inspection.reach,
            facts: facts.known().to_vec(),
        }
    }

    /// Returns the inspection, in a location without a name, and the facts.
    fn inspection(self) -> (Inspection, Facts) {
        let inspection = Inspection {
            grants: None,
            backend: self.backend,
            location: Location {
                database: String::new(),
                schema: None,
            },
            tables: self.tables,
            names: self.names,
            found: self.found,
            may_create_required: false,
            creation_hint: "",
            compression: self.compression,
            reach: self.reach,
        };
        (inspection, Facts::of(self.facts))
    }
}

fn text(report: &DifferenceReport) -> String {
    let mut text = format!("{}: {report}\n", report.part);
    if let RemedyReport::Repair { steps } = &report.remedy {
        for step in steps {
            text += &format!("  lock: {}\n", step.lock);
            for statement in &step.statements {
                text += &format!("    {statement};\n");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use sea_orm_migration::schema::{integer, pk_auto};
    use sea_query::Table as TableStatement;

    use super::*;
    use crate::{Declaration, simulated};

    fn shape() -> Shape {
        let declaration = Declaration {
            name: "first".to_owned(),
            declare: |shape| {
                let notes = TableStatement::create()
                    .table("notes")
                    .col(pk_auto("id"))
                    .col(integer("page"))
                    .take();
                shape.table(&notes);
            },
        };
        Shape::at(&[declaration], 1).expect("comparable")
    }

    fn recording(known: Vec<(Question, Answer)>) -> Recording {
        let there = simulated::after(Engine::Sqlite, &shape(), None);
        Recording::of(there, &Facts::of(known))
    }

    fn replayed(recording: &Recording) -> Result<String, ReplayError> {
        let text = serde_json::to_string(recording).expect("JSON");
        replay(&text, &shape())
    }

    /// An unanswered question would count as no rows, and lead to a plan for rows that were never
    /// counted.
    #[test]
    fn what_the_comparison_asks_and_was_not_recorded_is_an_error() {
        let error = replayed(&recording(Vec::new())).expect_err("nothing is known");

        let told = error.to_string();
        assert!(told.starts_with("it does not tell the values of"), "{told}");
    }
}
