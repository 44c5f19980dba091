//! A table that is made at random, with damage that its maker knows.

use std::collections::{BTreeMap, BTreeSet};

use entity::{VectorId, VectorIds};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};

use super::{audit, count, finding, insert, lines, migrated, object, points};
use crate::{
    engines::Database,
    suites::{Test, inventory::Inventory},
    tier,
};

pub fn tests() -> Vec<Test> {
    tests![
        what_was_planted_is_found_no_more_and_no_less,
        a_table_without_damage_has_no_findings,
        one_document_is_read_alone,
        the_report_is_one_object_with_these_fields,
        the_text_shows_what_was_found_and_how_to_list_it,
    ]
}

/// Of each kind no more than a report shows examples of.
const MOST: usize = 8;

/// What cannot be read, and where.
const UNREADABLE: [(&str, u64); 8] = [
    ("", 0),
    ("null", 0),
    ("[1", 2),
    ("[1, null]", 4),
    ("[\"a]", 1),
    ("{\"a\": 1}", 0),
    ("not ids", 3),
    ("[1] 2", 4),
];

/// What a table was made with.
#[derive(Default)]
struct Planted {
    /// The examples of each kind, as JSON.
    found: BTreeMap<&'static str, BTreeSet<String>>,
    /// Every id that can be read.
    ids: BTreeSet<VectorId>,
    pages: BTreeMap<(i32, i32), u64>,
    rows: u64,
}

impl Planted {
    fn add(&mut self, kind: &'static str, example: &Value) {
        self.found
            .entry(kind)
            .or_default()
            .insert(example.to_string());
    }
}

struct Maker<'m> {
    db: &'m DatabaseConnection,
    choices: fastrand::Rng,
    planted: Planted,
    names: u64,
}

impl Maker<'_> {
    /// Another one each time.
    fn id(&mut self) -> VectorId {
        self.names += 1;
        match self.choices.u8(0..4) {
            0 => VectorId::from(self.names),
            1 => VectorId::from(format!("chunk {} ä\"\\", self.names)),
            _ => VectorId::from(format!("{:032x}", self.choices.u128(..))),
        }
    }

    fn ids(&mut self) -> VectorIds {
        let count = self.choices.usize(1..40);
        (0..count).map(|_| self.id()).collect()
    }

    async fn row(&mut self, doc_id: i32, page: i32, ids: &VectorIds) {
        // Older writers left commas between ids.
        let is_plain = ids.iter().all(|id| !matches!(id, VectorId::Opaque(_)));
        let text = match is_plain && self.choices.bool() {
            true => {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                ids.join(", ")
            }
            false => ids.to_string(),
        };
        insert(self.db, doc_id, page, &text).await;
        self.planted.rows += 1;
        self.planted.ids.extend(ids.iter().cloned());
        *self.planted.pages.entry((doc_id, page)).or_default() += ids.len() as u64;
    }

    /// The number of the row that was inserted last.
    async fn last_row(&self) -> i32 {
        let backend = self.db.get_database_backend();
        let last = Statement::from_string(backend, "SELECT max(id) FROM vectors");
        let row = self
            .db
            .query_one_raw(last)
            .await
            .expect("a row")
            .expect("a row");
        row.try_get_by_index(0).expect("a number")
    }

    async fn damage(&mut self, doc_id: i32, page: i32) {
        match self.choices.u8(0..5) {
            0 => {
                let (text, at) = UNREADABLE[self.choices.usize(0..UNREADABLE.len())];
                insert(self.db, doc_id, page, text).await;
                self.planted.rows += 1;
                let row = self.last_row().await;
                self.planted
                    .add("unreadable", &json!({ "row": row, "at": at }));
            }
            1 => {
                let text = ["[]", " [ ] ", "[\n]"][self.choices.usize(0..3)];
                insert(self.db, doc_id, page, text).await;
                self.planted.rows += 1;
                self.planted.pages.entry((doc_id, page)).or_default();
                let row = self.last_row().await;
                self.planted.add("empty", &json!({ "row": row }));
            }
            2 => {
                let (ids, page) = (self.ids(), -page - 1);
                self.row(doc_id, page, &ids).await;
                let row = self.last_row().await;
                self.planted.add("negative_page", &json!({ "row": row }));
            }
            3 => {
                // In one row, or in two of the same page.
                let (mut ids, twice) = (self.ids(), self.id());
                ids.push(twice.clone());
                let again = VectorIds::from([twice.clone()]);
                match self.choices.bool() {
                    true => {
                        ids.push(twice.clone());
                        self.row(doc_id, page, &ids).await;
                    }
                    false => {
                        self.row(doc_id, page, &ids).await;
                        self.row(doc_id, page, &again).await;
                    }
                }
                self.planted.add("twice_in_page", &json!({ "id": twice }));
            }
            _ => {
                let (mut ids, shared) = (self.ids(), self.id());
                ids.push(shared.clone());
                self.row(doc_id, page, &ids).await;
                self.row(doc_id, page + 1_000, &VectorIds::from([shared.clone()]))
                    .await;
                self.planted.add("in_two_pages", &json!({ "id": shared }));
            }
        }
    }
}

/// Makes a table of many documents, some of them damaged.
async fn make(db: &DatabaseConnection, name: &str, is_damaged: bool) -> Planted {
    let mut maker = Maker {
        db,
        choices: tier::choices(("audit", name)),
        planted: Planted::default(),
        names: 0,
    };
    let mut damaged = 0;
    for doc_id in 1..=DOCUMENTS {
        if is_damaged && doc_id % 10 == 0 {
            maker
                .planted
                .add("without_pages", &json!({ "doc_id": doc_id }));
            continue;
        }
        for page in 0..maker.choices.i32(1..4) {
            for _ in 0..maker.choices.u8(1..3) {
                let ids = maker.ids();
                maker.row(doc_id, page, &ids).await;
            }
        }
        if is_damaged && damaged < MOST {
            damaged += 1;
            maker.damage(doc_id, 100).await;
        }
    }
    maker.planted
}

const DOCUMENTS: i32 = 40;

/// What a report says, in the words of the maker.
fn found(report: &Value) -> BTreeMap<&'static str, BTreeSet<String>> {
    const KINDS: [(&str, &[&str]); 8] = [
        ("unreadable", &["row", "at"]),
        ("empty", &["row"]),
        ("negative_page", &["row"]),
        ("twice_in_page", &["id"]),
        ("in_two_pages", &["id"]),
        ("without_pages", &["doc_id"]),
        ("stray", &["id"]),
        ("missing", &["id"]),
    ];
    let mut all = BTreeMap::new();
    for (kind, fields) in KINDS {
        let Some(one) = report["findings"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|one| one["kind"] == kind)
        else {
            continue;
        };
        let examples = one["examples"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|example| {
                let fields = fields
                    .iter()
                    .map(|field| ((*field).to_owned(), example[*field].clone()));
                Value::Object(fields.collect()).to_string()
            });
        let examples: BTreeSet<String> = examples.collect();
        assert_eq!(one["count"], examples.len(), "{one}");
        if !examples.is_empty() {
            all.insert(kind, examples);
        }
    }
    all
}

async fn what_was_planted_is_found_no_more_and_no_less(database: Database) {
    let db = migrated(&database, DOCUMENTS).await;
    let mut planted = make(&db, database.engine.name, true).await;
    let before = Inventory::of(&database).await;

    let report = object(&database, 1, [""; 0]);

    assert_eq!(found(&report), planted.found, "seed {}", tier::seed());
    assert_eq!(report["rows"], planted.rows);
    assert_eq!(report["pages"], planted.pages.len());
    let mut histogram: BTreeMap<u64, u64> = BTreeMap::new();
    for ids in planted.pages.values() {
        *histogram.entry(*ids).or_default() += 1;
    }
    let bars = report["pages_by_ids"].as_array().expect("a list").iter();
    let bars: u64 = bars
        .map(|bar| bar["pages"].as_u64().expect("a number"))
        .sum();
    assert_eq!(bars, histogram.values().sum::<u64>());
    require_queries(&db, &report).await;

    // The same with a store that lacks some points and has others.
    let folder = tempfile::tempdir().expect("a folder");
    let mut choices = tier::choices(("audit points", database.engine.name));
    let mut store: Vec<VectorId> = planted.ids.iter().cloned().collect();
    for _ in 0..MOST {
        let missing = store.swap_remove(choices.usize(0..store.len()));
        planted.add("missing", &json!({ "id": missing }));
    }
    for number in 0..MOST {
        let stray = match number % 3 {
            0 => VectorId::from(1_000_000 + number as u64),
            1 => VectorId::from(format!("stray {number}")),
            _ => VectorId::from(format!("{:032x}", choices.u128(..))),
        };
        planted.add("stray", &json!({ "id": stray }));
        store.push(stray);
    }
    choices.shuffle(&mut store);
    let file = points(&folder, "points", store);

    let report = object(&database, 1, ["--points", &file]);

    assert_eq!(found(&report), planted.found, "seed {}", tier::seed());
    assert_eq!(report["points"]["listed"], planted.ids.len());
    assert_eq!(Inventory::of(&database).await, before);
}

/// The query of a kind lists its rows and no others.
async fn require_queries(db: &DatabaseConnection, report: &Value) {
    for (kind, field) in [
        ("unreadable", "row"),
        ("empty", "row"),
        ("negative_page", "row"),
        ("without_pages", "doc_id"),
    ] {
        let one = finding(report, kind);
        let Some(query) = one["query"].as_str() else {
            assert_eq!(one["count"], 0, "{one}");
            continue;
        };
        let query = Statement::from_string(db.get_database_backend(), query);
        let rows = db.query_all_raw(query).await.expect("rows");
        let listed: BTreeSet<i64> = rows
            .iter()
            .map(|row| row.try_get_by_index::<i32>(0).expect("a number").into())
            .collect();
        let examples = one["examples"].as_array().expect("a list").iter();
        let examples: BTreeSet<i64> = examples.filter_map(|one| one[field].as_i64()).collect();
        assert_eq!(listed, examples, "{one}");
    }
    for kind in ["twice_in_page", "in_two_pages"] {
        let one = finding(report, kind);
        let Some(query) = one["query"].as_str() else {
            continue;
        };
        let query = Statement::from_string(db.get_database_backend(), query);
        let rows = db.query_all_raw(query).await.expect("rows");
        let listed: BTreeSet<(i64, i64)> = rows
            .iter()
            .map(|row| {
                let number = |at| i64::from(row.try_get_by_index::<i32>(at).expect("a number"));
                (number(1), number(2))
            })
            .collect();
        let examples = one["examples"].as_array().expect("a list").iter();
        let pages = examples.flat_map(|one| one["pages"].as_array().expect("pages"));
        let pages: BTreeSet<(i64, i64)> = pages
            .map(|page| {
                (
                    page["doc_id"].as_i64().expect("one"),
                    page["page"].as_i64().expect("one"),
                )
            })
            .collect();
        assert_eq!(listed, pages, "{one}");
    }
}

async fn a_table_without_damage_has_no_findings(database: Database) {
    let db = migrated(&database, DOCUMENTS).await;
    let planted = make(&db, database.engine.name, false).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = points(&folder, "points", planted.ids);
    let stray = folder.path().join("stray");

    let text = audit(&database, [""; 0]).expect_success();
    assert!(text.ends_with(": no findings\n"), "{text}");
    let arguments = [
        "--points",
        &file,
        "--stray-to",
        &stray.display().to_string(),
    ];
    let report = object(&database, 0, arguments);

    assert_eq!(report["clean"], true);
    assert_eq!(lines(&stray), [""; 0]);
}

async fn one_document_is_read_alone(database: Database) {
    let db = migrated(&database, 3).await;
    insert(&db, 1, 1, "null").await;
    insert(&db, 2, 1, "[\"a\", \"a\"]").await;

    let first = object(&database, 1, ["--doc", "1"]);
    let second = object(&database, 1, ["--doc", "2"]);
    let third = object(&database, 1, ["--doc", "3"]);

    assert_eq!(
        (count(&first, "unreadable"), count(&first, "without_pages")),
        (1, 0)
    );
    assert_eq!(
        (
            count(&second, "unreadable"),
            count(&second, "twice_in_page")
        ),
        (0, 1)
    );
    assert_eq!(count(&third, "without_pages"), 1);
    assert_eq!(
        finding(&third, "without_pages")["examples"],
        json!([{ "doc_id": 3 }])
    );
    require_queries(&db, &third).await;
    let fourth = audit(&database, ["--doc", "4"]);
    assert_eq!(fourth.code, Some(2), "{fourth:?}");
    assert!(
        fourth.stderr.contains("there is no document 4"),
        "{fourth:?}"
    );
}

async fn the_report_is_one_object_with_these_fields(database: Database) {
    let db = migrated(&database, 2).await;
    insert(&db, 1, 7, "[1, 2, 1]").await;
    insert(&db, 1, 8, "2, x").await;
    insert(&db, 1, 9, "[1").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = points(&folder, "points", [VectorId::from(1), VectorId::from(3)]);

    let mut report = object(&database, 1, ["--points", &file]);

    // What differs from one engine to another.
    let rows: Vec<i64> = (0..2).map(|_| 0).collect();
    assert_eq!(rows.len(), 2);
    report["database"] = json!("DATABASE");
    report["schema"] = json!("SCHEMA");
    for one in report["findings"].as_array_mut().expect("a list") {
        if one["query"].is_string() {
            one["query"] = json!("QUERY");
        }
        for example in one["examples"].as_array_mut().expect("a list") {
            if example["row"].is_number() {
                example["row"] = json!("ROW");
            }
        }
    }
    let page = |page: i32| json!({ "doc_id": 1, "page": page });
    let wanted = json!({
        "database": "DATABASE",
        "schema": "SCHEMA",
        "clean": false,
        "rows": 3,
        "bytes": 15,
        "pages": 2,
        "ids": 5,
        "forms": { "uuids": 0, "numbers": 4, "opaque": 1, "comma_separated_rows": 1 },
        "pages_by_ids": [
            { "from": 2, "to": 2, "pages": 1, "example": page(8) },
            { "from": 3, "to": 3, "pages": 1, "example": page(7) },
        ],
        "points": { "listed": 2, "repeated": 0, "stray_kept_back": false },
        "findings": [
            { "kind": "unreadable", "count": 1, "query": "QUERY", "examples": [{
                "row": "ROW", "doc_id": 1, "page": 9, "column": "vectors.vector_ids", "at": 2,
                "expected": "`,` or `]`", "found": "the end",
            }] },
            { "kind": "empty", "count": 0, "query": null, "examples": [] },
            { "kind": "negative_page", "count": 0, "query": null, "examples": [] },
            { "kind": "twice_in_page", "count": 1, "query": "QUERY", "examples": [{ "id": 1, "pages": [page(7)] }] },
            { "kind": "in_two_pages", "count": 1, "query": "QUERY", "examples": [{ "id": 2, "pages": [page(7), page(8)] }] },
            { "kind": "without_pages", "count": 1, "query": "QUERY", "examples": [{ "doc_id": 2 }] },
            { "kind": "stray", "count": 1, "query": null, "examples": [{ "id": 3 }] },
            { "kind": "missing", "count": 2, "query": "QUERY", "examples": [
                { "id": 2, "pages": [page(8)] },
                { "id": "x", "pages": [page(8)] },
            ] },
        ],
    });
    assert_eq!(report, wanted, "{report:#}");
}

async fn the_text_shows_what_was_found_and_how_to_list_it(database: Database) {
    let db = migrated(&database, 1).await;
    for page in 0..7 {
        insert(&db, 1, page, "[]").await;
    }
    insert(&db, 1, 7, "\u{1b}[31m").await;

    let text = audit(&database, [""; 0]);

    assert_eq!(text.code, Some(1), "{text:?}");
    let text = text.stdout;
    assert!(
        text.contains("\n7 rows with an empty list of ids:\n"),
        "{text}"
    );
    assert_eq!(
        text.matches(" has an empty list of ids\n").count(),
        5,
        "{text}"
    );
    assert!(text.contains("\n  …\n  SELECT "), "{text}");
    assert!(
        text.contains("expected a vector id without spaces"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.ends_with(": 8 findings\n"), "{text}");
}
