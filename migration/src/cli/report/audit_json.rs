//! What an audit found, as one JSON object.

use entity::{
    VectorId,
    audit::{Fault, Finding, PageKey, Point, Row},
};
use serde_json::{Value, json};

use crate::cli::audit::{Kind, Report};

/// More are in the rows that the query lists.
const EXAMPLES: usize = 10;

const BARS: usize = 64;

pub(in crate::cli) fn audit(report: &Report) -> Value {
    let totals = &report.totals;
    let has_points = totals.points.is_some();
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| has_points || !kind.is_of_points());
    let findings: Vec<Value> = kinds.map(|kind| findings(report, kind)).collect();
    let bars = totals.pages.bars(BARS).into_iter().map(|bar| {
        json!({ "from": bar.from, "to": bar.to, "pages": bar.pages, "example": page(bar.example) })
    });
    let bars: Vec<Value> = bars.collect();
    json!({
        "database": report.location.database,
        "schema": report.location.schema,
        "clean": report.findings.all() == 0,
        "rows": totals.rows,
        "bytes": totals.bytes,
        "pages": totals.pages.pages(),
        "ids": totals.ids,
        "forms": {
            "uuids": totals.forms.uuids,
            "numbers": totals.forms.numbers,
            "opaque": totals.forms.opaque,
            "comma_separated_rows": totals.forms.comma_separated_rows,
        },
        "pages_by_ids": bars,
        "points": totals.points.map(|points| json!({
            "listed": points.listed,
            "repeated": points.repeated,
            "stray_kept_back": report.is_stray_kept_back,
        })),
        "findings": findings,
    })
}

fn findings(report: &Report, kind: Kind) -> Value {
    let gathered = report.findings.of(kind);
    let first = gathered.into_iter().flat_map(|gathered| &gathered.first);
    let examples: Vec<Value> = first.take(EXAMPLES).map(example).collect();
    json!({
        "kind": kind.name(),
        "count": report.findings.count(kind),
        "examples": examples,
        "query": gathered.and_then(|gathered| report.tables.query(kind, gathered)),
    })
}

fn example(finding: &Finding) -> Value {
    match finding {
        Finding::Unreadable { row: found, fault } => {
            let Fault {
                column,
                at,
                expected,
                found: text,
            } = fault;
            let mut object = row(*found);
            object["column"] = json!(column);
            object["at"] = json!(at);
            object["expected"] = json!(expected);
            object["found"] = json!(text);
            object
        }
        Finding::Empty { row: found } | Finding::NegativePage { row: found } => row(*found),
        Finding::TwiceInPage { id, page: one } => {
            json!({ "id": spelled(id), "pages": [page(*one)] })
        }
        Finding::InTwoPages { id, pages } => {
            json!({ "id": spelled(id), "pages": pages.map(page) })
        }
        Finding::WithoutPages { doc_id } => json!({ "doc_id": doc_id }),
        Finding::Stray { point } => json!({ "id": spelled_point(point) }),
        Finding::Missing { id, page: one } => {
            json!({ "id": spelled(id), "pages": [page(*one)] })
        }
    }
}

/// A number, or a text: the name `7` is another id than the number.
fn spelled(id: &VectorId) -> Value {
    match id {
        VectorId::Number(number) => json!(number),
        VectorId::Uuid(_) | VectorId::Opaque(_) => json!(id.to_string()),
    }
}

/// As the store spells it.
fn spelled_point(point: &Point) -> Value {
    match point.id() {
        VectorId::Number(number) => json!(number),
        VectorId::Uuid(_) | VectorId::Opaque(_) => json!(point.to_string()),
    }
}

fn row(row: Row) -> Value {
    json!({ "row": row.id, "doc_id": row.doc_id, "page": row.page })
}

fn page(page: PageKey) -> Value {
    json!({ "doc_id": page.doc_id, "page": page.page })
}
