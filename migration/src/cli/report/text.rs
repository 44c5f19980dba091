//! Reports as text. The colours are removed later if the output is no terminal.

use std::fmt::{Result, Write};

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, Utc};

use crate::{
    AtWork, ElementState, Extent, Preview, RemedyReport, Repaired, Report, Rewrites, Status,
    cli::size,
};

pub(in crate::cli) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(in crate::cli) const HINT: Style = AnsiColor::Cyan.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
/// The next step where rows have no document.
const ORPHANS: &str = "`repair --delete-orphans --ids-to FILE` deletes them and keeps their ids";
const WAITING: Style = AnsiColor::Yellow.on_default();

/// Returns the written text: writing to a `String` cannot fail.
fn written(write: impl FnOnce(&mut String) -> Result) -> String {
    let mut out = String::new();
    let _ = write(&mut out);
    out
}

/// With what `check` does not look at.
pub(in crate::cli) fn checked(report: &Report) -> String {
    written(|out| {
        write_report(out, report)?;
        writeln!(out, "no values were read: `audit` reads them")
    })
}

pub(in crate::cli) fn repaired(repaired: &Repaired, deletes_orphans: bool) -> String {
    written(|out| {
        if deletes_orphans {
            let rows = repaired.deleted_orphans;
            writeln!(out, "deleted rows whose document did not exist: {rows}")?;
        }
        write_report(out, &repaired.report)
    })
}

pub(in crate::cli) fn status(status: &Status) -> String {
    written(|out| write_status(out, status))
}

/// Returns the dry run. A step above the limit is marked, because `up` refuses it.
pub(in crate::cli) fn previews(previews: &[Preview], asked_for: &Extent, limit: u64) -> String {
    written(|out| write_previews(out, previews, asked_for, limit))
}

fn write_report(out: &mut String, report: &Report) -> Result {
    let lengths = report.parts.iter().map(|part| part.name.len());
    let width = lengths.max().unwrap_or_default().max(15);
    for part in &report.parts {
        let (style, state) = match part.state {
            ElementState::AsDeclared => (GOOD, "ok"),
            ElementState::Differs => (BAD, "differs"),
            ElementState::Unknown => (WAITING, "unknown"),
        };
        let (name, declared) = (&part.name, &part.declared);
        writeln!(out, "{style}{state:<8}{style:#} {name:<width$} {declared}")?;
    }
    for (at, difference) in report.differences.iter().enumerate() {
        writeln!(out, "\n{}: {difference}", difference.part)?;
        if let RemedyReport::DeleteOrphans { .. } = difference.remedy {
            writeln!(out, "  {HINT}hint:{HINT:#} {ORPHANS}")?;
        }
        if let RemedyReport::Repair { steps } = &difference.remedy {
            // SQLite makes several changes by rebuilding the table once.
            let mut before = report.differences.iter().take(at);
            let same = before.find(|one| one.remedy == difference.remedy);
            if let Some(same) = same {
                writeln!(out, "  together with: {}, above", same.part)?;
                continue;
            }
            for step in steps {
                writeln!(out, "  lock: {}", step.lock)?;
                for statement in &step.statements {
                    writeln!(out, "    {statement};")?;
                }
            }
        }
    }
    for unknown in &report.unknown {
        writeln!(out, "\n{}: not compared: {}", unknown.part, unknown.reason)?;
    }
    if !report.notes.is_empty() {
        writeln!(out, "\nnotes:")?;
        for note in &report.notes {
            writeln!(out, "  {note}")?;
        }
    }
    if !report.pending.is_empty() {
        writeln!(out, "\nnot applied yet, and not compared:")?;
        for migration in &report.pending {
            writeln!(out, "  {migration}")?;
        }
    }
    if let Some(sentence) = at_work(report) {
        writeln!(out, "\n{sentence}")?;
    }
    let (style, verdict) = verdict(report);
    writeln!(out, "\n{}: {style}{verdict}{style:#}", report.location)
}

fn at_work(report: &Report) -> Option<String> {
    let AtWork::Yes(migrator) = &report.at_work else {
        return None;
    };
    let who = &migrator.who;
    let since = migrator.since.as_ref();
    let since = since.map_or(String::new(), |since| format!(" since {since}"));
    Some(format!(
        "{WAITING}a migrator is at work{since}{WAITING:#}, and may change these results: {who}"
    ))
}

fn verdict(report: &Report) -> (Style, String) {
    let (style, mut verdict) = match report.differences.len() {
        0 => (GOOD, "as declared".to_owned()),
        1 => (BAD, "1 difference".to_owned()),
        count => (BAD, format!("{count} differences")),
    };
    let unknown = match report.unknown.len() {
        0 => return (style, verdict),
        1 => "1 part is unknown".to_owned(),
        count => format!("{count} parts are unknown"),
    };
    if report.differences.is_empty() {
        return (WAITING, unknown);
    }
    verdict += &format!(", {unknown}");
    (style, verdict)
}

fn write_status(out: &mut String, status: &Status) -> Result {
    let lengths = status.migrations.iter().map(|one| one.name.len());
    let width = lengths.max().unwrap_or_default();
    for migration in &status.migrations {
        let name = &migration.name;
        match migration.applied_at {
            Some(time) => {
                let time = match DateTime::<Utc>::from_timestamp(time, 0) {
                    Some(time) => time.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
                    None => format!("at {time} seconds"),
                };
                writeln!(out, "{name:<width$}  {GOOD}applied{GOOD:#}  {time}")?;
            }
            None => writeln!(out, "{name:<width$}  {WAITING}pending{WAITING:#}")?,
        }
    }
    writeln!(out)?;
    match &status.shape {
        Ok(report) => {
            let (style, verdict) = verdict(report);
            writeln!(out, "shape:   {style}{verdict}{style:#}")?;
            for unknown in &report.unknown {
                writeln!(
                    out,
                    "         {}: not known: {}",
                    unknown.part, unknown.reason
                )?;
            }
            if let Some(sentence) = at_work(report) {
                writeln!(out, "{sentence}")?;
            }
        }
        Err(error) => writeln!(out, "shape:   {BAD}not known{BAD:#}: {error}")?,
    }
    match &status.alembic {
        Ok(None) => Ok(()),
        Ok(Some(revisions)) if revisions.is_empty() => writeln!(out, "Alembic: no revision"),
        // Another program has written the revisions, so control characters are escaped.
        Ok(Some(revisions)) => writeln!(out, "Alembic: {}", revisions.join(", ").escape_debug()),
        Err(error) => writeln!(out, "Alembic: {BAD}not known{BAD:#}: {error}"),
    }
}

/// Writes the statements of a dry run in the form of a script.
fn write_previews(
    out: &mut String,
    previews: &[Preview],
    asked_for: &Extent,
    limit: u64,
) -> Result {
    for preview in previews {
        writeln!(out, "-- {}", preview.migration)?;
        write_rewrites(out, preview, limit)?;
        for statement in preview.statements.iter().flatten() {
            writeln!(out, "{statement};")?;
        }
        if preview.statements.is_none() {
            writeln!(
                out,
                "-- an external migration: its statements are known only when it runs"
            )?;
        }
    }
    match (previews, asked_for) {
        ([], Extent::Count(0)) => writeln!(out, "-- nothing to do: 0 migrations were asked for"),
        ([], _) => writeln!(out, "-- nothing to do"),
        _ => Ok(()),
    }
}

/// Writes the steps that copy or rewrite a table, with the table's size.
fn write_rewrites(out: &mut String, preview: &Preview, limit: u64) -> Result {
    for difference in &preview.differences {
        let steps = difference.steps().iter();
        for step in steps.filter(|step| step.rewrites != Rewrites::Nothing) {
            let (part, lock) = (&difference.part, &step.lock);
            writeln!(out, "-- {}, {part}: lock: {lock}", difference.table)?;
            if step.rewrites.above(limit).is_some() {
                let limit = size::show(limit);
                writeln!(
                    out,
                    "-- up refuses this step: the table is larger than --max-rewrite {limit}"
                )?;
            }
        }
    }
    Ok(())
}
