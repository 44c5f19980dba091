//! Reports as one JSON object.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::{
    AtWork, DifferenceReport, ElementState, RemedyReport, Repaired, Report, Rewrites, Status,
};

pub(in crate::cli) fn status(status: &Status) -> Value {
    let migrations: Vec<Value> = status
        .migrations
        .iter()
        .map(|one| json!({ "name": one.name, "applied_at": one.applied_at.map(time) }))
        .collect();
    let (report, error) = match &status.shape {
        Ok(report) => (Some(report), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let alembic = status.alembic.as_ref();
    json!({
        "database": status.location.database,
        "schema": status.location.schema,
        "migrations": migrations,
        "as_declared": report.map(Report::as_declared),
        "differences": report.map(|report| report.differences.len()),
        "error": error,
        "migrator": report.map(|report| migrator(&report.at_work)),
        "alembic": alembic.ok(),
        "alembic_error": alembic.err().map(ToString::to_string),
    })
}

/// Returns the time as a text, or the number itself if it is no date.
fn time(seconds: i64) -> Value {
    match DateTime::<Utc>::from_timestamp(seconds, 0) {
        Some(time) => json!(time.to_rfc3339_opts(SecondsFormat::Secs, true)),
        None => json!(seconds),
    }
}

pub(in crate::cli) fn repaired(repaired: &Repaired) -> Value {
    let steps: Vec<Value> = repaired
        .steps
        .iter()
        .map(|step| {
            json!({
                "part": step.part,
                "found": step.found,
                "statements": step.statements,
                "seconds": step.elapsed.as_secs_f64(),
            })
        })
        .collect();
    let failed: Vec<String> = repaired.failed.iter().map(ToString::to_string).collect();
    json!({
        "steps": steps,
        "failed": failed,
        "deleted_orphans": repaired.deleted_orphans,
        "report": report(&repaired.report),
    })
}

pub(in crate::cli) fn report(report: &Report) -> Value {
    let parts: Vec<Value> = report
        .parts
        .iter()
        .map(|part| {
            json!({
                "table": part.table,
                "name": part.name,
                "declared": part.declared,
                "as_declared": match part.state {
                    ElementState::AsDeclared => Some(true),
                    ElementState::Differs => Some(false),
                    ElementState::Unknown => None,
                },
            })
        })
        .collect();
    let differences: Vec<Value> = report.differences.iter().map(difference).collect();
    let unknown: Vec<Value> = report
        .unknown
        .iter()
        .map(|one| json!({ "table": one.table, "part": one.part, "reason": one.reason }))
        .collect();
    json!({
        "database": report.location.database,
        "schema": report.location.schema,
        "as_declared": report.as_declared(),
        "parts": parts,
        "differences": differences,
        "unknown": unknown,
        "notes": report.notes,
        "migrator": migrator(&report.at_work),
        "pending": report.pending,
    })
}

fn migrator(at_work: &AtWork) -> Value {
    let (is_at_work, migrator) = match at_work {
        AtWork::No => (Some(false), None),
        AtWork::Yes(migrator) => (Some(true), Some(migrator)),
        AtWork::Unknown => (None, None),
    };
    json!({
        "at_work": is_at_work,
        "who": migrator.map(|one| &one.who),
        "since": migrator.and_then(|one| one.since.as_ref()),
    })
}

fn difference(difference: &DifferenceReport) -> Value {
    let (remedy, steps, next_step) = match &difference.remedy {
        RemedyReport::Repair { steps } => ("repair", steps.as_slice(), None),
        RemedyReport::DeleteOrphans { query } => ("delete-orphans", [].as_slice(), Some(query)),
        RemedyReport::BlockedBy { part } => ("after", [].as_slice(), Some(part)),
        RemedyReport::Manual { next_step } => ("person", [].as_slice(), Some(next_step)),
    };
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| {
            json!({
                "statements": step.statements,
                "lock": step.lock,
                "rewritten_bytes": match step.rewrites {
                    Rewrites::Nothing => Some(0),
                    Rewrites::Bytes(bytes) => Some(bytes),
                    Rewrites::UnknownSize => None,
                },
            })
        })
        .collect();
    json!({
        "table": difference.table,
        "part": difference.part,
        "found": difference.found,
        "remedy": remedy,
        "next_step": next_step,
        "steps": steps,
    })
}
