//! Inspections as JSON, recorded from a server, and what is planned for a recorded one without a server.

use sea_orm::DbBackend;
use serde::{Deserialize, Serialize};

use crate::{
    converge::compare,
    declare::Shape,
    diff,
    error::Error,
    facts::{Answer, Facts, Question},
    inspect::{Compression, Inspection},
    model::{Place, Reach, Table},
    plan::{self, Context},
    report::{DifferenceReport, RemedyReport},
    session::{Session, TxMode},
};

/// What of an inspection is the same on every server of a kind.
#[derive(Serialize, Deserialize)]
struct Recording {
    backend: String,
    tables: Vec<String>,
    names: Vec<String>,
    found: Vec<Table>,
    compression: Option<Compression>,
    reach: Reach,
    facts: Vec<(Question, Answer)>,
}

/// Inspects the shape, and returns what was found and asked as JSON.
///
/// # Errors
///
/// [`Error::Lookup`] where the catalog or the rows cannot be read.
pub async fn record(session: &Session<'_>, shape: &Shape) -> Result<String, Error> {
    let mut facts = Facts::default();
    let unit = session.begin_to_read().await?;
    let compared = compare(&unit.db(), session.settings, shape, &mut facts).await;
    unit.rollback().await?;
    let (inspection, _) = compared?;
    let mut names = inspection.names;
    names.sort_unstable();
    let recording = Recording {
        backend: inspection.backend.as_str().to_owned(),
        tables: inspection.tables,
        names,
        found: inspection.found,
        compression: inspection.compression,
        reach: inspection.reach,
        facts: facts.known().to_vec(),
    };
    serde_json::to_string_pretty(&recording)
        .map_err(|error| sea_orm::DbErr::Json(error.to_string()).into())
}

/// Returns what is planned for a recorded inspection, as `check` prints it.
///
/// # Errors
///
/// Where the text is no recording.
pub fn replay(recorded: &str, shape: &Shape) -> Result<String, serde_json::Error> {
    let recording: Recording = serde_json::from_str(recorded)?;
    let current = Inspection {
        backend: match recording.backend.as_str() {
            "Postgres" => DbBackend::Postgres,
            "MySql" => DbBackend::MySql,
            _ => DbBackend::Sqlite,
        },
        place: Place {
            database: String::new(),
            schema: None,
        },
        tables: recording.tables,
        names: recording.names,
        found: recording.found,
        may_create_required: false,
        creation_hint: "",
        compression: recording.compression,
        reach: recording.reach,
    };
    let mut facts = Facts::of(recording.facts);
    let changes = diff::changes(&current, shape, &mut facts);
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
