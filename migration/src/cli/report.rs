//! The report of `check` and `repair`, for people and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::{DifferenceReport, RemedyReport, Report};

pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    write_text(&mut out, report).map_or_else(|_| String::new(), |()| out)
}

fn write_text(out: &mut String, report: &Report) -> std::fmt::Result {
    for part in &report.parts {
        let state = if part.as_declared { "ok" } else { "differs" };
        writeln!(out, "{state:<8} {:<15} {}", part.name, part.declared)?;
    }
    for difference in &report.differences {
        writeln!(out, "\n{}: {difference}", difference.part)?;
        if let RemedyReport::Repair { steps } = &difference.remedy {
            for step in steps {
                writeln!(out, "  lock: {}", step.lock)?;
                for statement in &step.statements {
                    writeln!(out, "    {statement};")?;
                }
            }
        }
    }
    if !report.notes.is_empty() {
        writeln!(out, "\nalso there, and kept:")?;
        for note in &report.notes {
            writeln!(out, "  {note}")?;
        }
    }
    let verdict = match report.differences.len() {
        0 => "as declared".to_owned(),
        1 => "1 difference".to_owned(),
        count => format!("{count} differences"),
    };
    writeln!(out, "\n{}: {verdict}", report.place)
}

pub(super) fn json(report: &Report) -> Value {
    let parts: Vec<Value> = report
        .parts
        .iter()
        .map(|part| {
            json!({
                "name": part.name,
                "declared": part.declared,
                "as_declared": part.as_declared,
            })
        })
        .collect();
    let differences: Vec<Value> = report.differences.iter().map(difference).collect();
    json!({
        "database": report.place.database,
        "schema": report.place.schema,
        "as_declared": report.as_declared(),
        "parts": parts,
        "differences": differences,
        "notes": report.notes,
    })
}

fn difference(difference: &DifferenceReport) -> Value {
    let (remedy, steps, next_step) = match &difference.remedy {
        RemedyReport::Repair { steps } => ("repair", steps.as_slice(), None),
        RemedyReport::DeleteOrphans { query } => ("delete-orphans", [].as_slice(), Some(*query)),
        RemedyReport::After { part } => ("after", [].as_slice(), Some(*part)),
        RemedyReport::Person { next_step } => ("person", [].as_slice(), Some(next_step.as_str())),
    };
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| json!({ "statements": step.statements, "lock": step.lock }))
        .collect();
    json!({
        "part": difference.part,
        "found": difference.found,
        "remedy": remedy,
        "next_step": next_step,
        "steps": steps,
    })
}
