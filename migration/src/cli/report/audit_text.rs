//! What an audit found, for people.

use std::fmt::{Result, Write};

use anstyle::{AnsiColor, Style};

use crate::cli::audit::{Gathered, Kind, Report, shown_bytes};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const WAITING: Style = AnsiColor::Yellow.on_default();

/// How many findings of a kind are shown.
const EXAMPLES: usize = 5;

/// How many lines a histogram may have, and how wide its longest bar is.
const BARS: usize = 12;
const WIDTH: u64 = 40;

pub(in crate::cli) fn audit(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, report: &Report) -> Result {
    let totals = &report.totals;
    let (rows, pages, ids) = (totals.rows, totals.pages.pages(), totals.ids);
    let bytes = shown_bytes(totals.bytes);
    writeln!(
        out,
        "read     {}, {}, {}, {bytes} of text",
        counted(rows, "row"),
        counted(pages, "page"),
        counted(ids, "id")
    )?;
    let forms = totals.forms;
    write!(
        out,
        "forms    {} UUIDs, {} numbers, {} other names",
        forms.uuids, forms.numbers, forms.opaque
    )?;
    match forms.comma_separated_rows {
        0 => writeln!(out)?,
        1 => writeln!(out, "; 1 row has commas between its ids")?,
        rows => writeln!(out, "; {rows} rows have commas between their ids")?,
    }
    if let Some(points) = totals.points {
        let (listed, repeated) = (points.listed, points.repeated);
        match repeated {
            0 => writeln!(out, "points   {listed}")?,
            repeated => writeln!(out, "points   {listed}, {repeated} of them listed before")?,
        }
    }
    write_histogram(out, report)?;
    for kind in Kind::ALL {
        if let Some(gathered) = report.findings.of(kind) {
            write_findings(out, report, kind, gathered)?;
        }
    }
    if report.findings.count(Kind::Stray) > 0 && report.findings.count(Kind::Unreadable) > 0 {
        let kept_back = if report.is_stray_kept_back {
            ", and none were written"
        } else {
            ""
        };
        writeln!(
            out,
            "\n{WAITING}points of the rows that cannot be read are among the stray ones{kept_back}{WAITING:#}: \
             correct the rows, and run the audit again"
        )?;
    }
    let (style, verdict) = match report.findings.all() {
        0 => (GOOD, "no findings".to_owned()),
        1 => (BAD, "1 finding".to_owned()),
        count => (BAD, format!("{count} findings")),
    };
    writeln!(out, "\n{}: {style}{verdict}{style:#}", report.location)
}

fn write_histogram(out: &mut String, report: &Report) -> Result {
    let bars = report.totals.pages.bars(BARS);
    let range = |from: u64, to: u64| match from == to {
        true => from.to_string(),
        false => format!("{from} to {to}"),
    };
    let most = bars.iter().map(|bar| bar.pages).max().unwrap_or_default();
    let widths = bars.iter().map(|bar| range(bar.from, bar.to).len());
    let width = widths.max().unwrap_or_default();
    if !bars.is_empty() {
        writeln!(out, "\npages by number of ids:")?;
    }
    for bar in bars {
        let length = (u128::from(bar.pages) * u128::from(WIDTH)).div_ceil(u128::from(most.max(1)));
        let line = "#".repeat(usize::try_from(length).unwrap_or_default());
        let ids = range(bar.from, bar.to);
        let (pages, example) = (counted(bar.pages, "page"), bar.example);
        writeln!(
            out,
            "  {ids:>width$}  {line} {pages}, the first is {example}"
        )?;
    }
    Ok(())
}

fn write_findings(out: &mut String, report: &Report, kind: Kind, gathered: &Gathered) -> Result {
    writeln!(out, "\n{BAD}{}{BAD:#}:", kind.heading(gathered.count))?;
    for finding in gathered.first.iter().take(EXAMPLES) {
        // Somebody else has written what is shown of a value.
        writeln!(out, "  {}", one_line(&finding.to_string()))?;
    }
    let shown = gathered.first.len().min(EXAMPLES);
    if gathered.count > shown as u64 {
        writeln!(out, "  …")?;
    }
    if let Some(query) = report.tables.query(kind, gathered) {
        writeln!(out, "  {query};")?;
    }
    Ok(())
}

/// Control characters would reach the terminal.
fn one_line(text: &str) -> String {
    let shown = text.chars().map(|letter| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    });
    shown.collect()
}

fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}
