//! The example service, driven over HTTP, and the store from which it deletes points.

use std::{fs, path::PathBuf, process::Command};

use sea_orm::{DatabaseConnection, DbBackend};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::{Agent, http::StatusCode};

use super::{Test, shape::lines};
use crate::{
    conditions::until,
    engines::{Database, process::signal, workspace},
    programs::{Running, run},
    store::Store,
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        what_a_killed_service_has_noted_is_deleted_by_the_next,
        what_the_store_has_deleted_for_a_killed_service_is_deleted_again,
        a_row_that_the_store_refuses_keeps_no_other_waiting,
        a_row_that_cannot_be_read_keeps_no_other_waiting,
        an_id_that_another_page_has_is_not_purged,
        what_is_not_forgotten_is_not_noted,
    ];
    // SQLite locks no rows.
    if backend != DbBackend::Sqlite {
        tests.extend(tests![a_row_that_another_worker_has_is_skipped]);
    }
    tests
}

pub fn without_engine() -> Vec<(&'static str, fn())> {
    vec![
        (
            "service::pages_are_ingested_shown_replaced_and_forgotten",
            pages_are_ingested_shown_replaced_and_forgotten,
        ),
        (
            "service::what_is_wrong_is_said_in_json_and_changes_nothing",
            what_is_wrong_is_said_in_json_and_changes_nothing,
        ),
        (
            "service::it_shows_no_password_of_a_database_that_it_cannot_use",
            it_shows_no_password_of_a_database_that_it_cannot_use,
        ),
        (
            "service::it_stops_when_told_to_and_keeps_what_it_has",
            it_stops_when_told_to_and_keeps_what_it_has,
        ),
    ]
}

struct Service {
    running: Running,
    address: String,
    agent: Agent,
}

impl Service {
    fn start(folder: &TempDir) -> Self {
        let database = folder.path().join("service.db");
        let url = format!("sqlite://{}?mode=rwc", database.display());
        Self::start_on(&url, None)
    }

    fn start_on(url: &str, store: Option<&Store>) -> Self {
        let mut command = Command::new(program());
        command
            .env("DATABASE_URL", url)
            .env("LISTEN", "127.0.0.1:0")
            .env_remove("STORE")
            .envs(store.map(|store| ("STORE", &store.url)));
        let mut running = Running::start(&mut command);
        let line = running.wait_until_it_says("listening on ");
        let (_, address) = line.rsplit_once("listening on ").expect("an address");
        let address = address.trim().to_owned();
        let agent = Agent::config_builder().http_status_as_error(false).build();
        Self {
            running,
            address,
            agent: agent.into(),
        }
    }

    fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = self.agent.get(format!("{}{path}", self.address)).call();
        answer(response)
    }

    fn delete(&self, path: &str) -> (StatusCode, Value) {
        let response = self.agent.delete(format!("{}{path}", self.address)).call();
        answer(response)
    }

    fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.agent.post(format!("{}{path}", self.address));
        answer(request.send_json(body))
    }

    fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.agent.put(format!("{}{path}", self.address));
        answer(request.send_json(body))
    }
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (StatusCode, Value) {
    let mut response = response.expect("an answer");
    let body = response.body_mut().read_json().expect("JSON");
    (response.status(), body)
}

fn program() -> PathBuf {
    workspace().join("target/debug/examples/service")
}

fn two_pages() -> Value {
    json!({"pages": [
        {"number": 1, "ids": ["0f8fad5bd9cb469fa16570867728950e", 7]},
        {"number": 2, "ids": ["chunk"]},
    ]})
}

fn pages_are_ingested_shown_replaced_and_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = Service::start(&folder);

    let answer = service.post("/documents", &two_pages());
    assert_eq!(answer, (StatusCode::CREATED, json!({"id": 1})));

    let answer = service.get("/documents/1/pages/1");
    let page = json!({"number": 1, "ids": ["0f8fad5bd9cb469fa16570867728950e", 7]});
    assert_eq!(answer, (StatusCode::OK, page));

    let answer = service.put("/documents/1/pages/1", &json!([7, 8]));
    let purge = json!({"purge": ["0f8fad5bd9cb469fa16570867728950e"]});
    assert_eq!(answer, (StatusCode::OK, purge));

    let answer = service.delete("/documents/1");
    assert_eq!(answer, (StatusCode::OK, json!({"purge": [7, 8, "chunk"]})));
    let (status, _) = service.get("/documents/1/pages/1");
    assert_eq!(status, StatusCode::NOT_FOUND);
    service.running.kill();
}

fn what_is_wrong_is_said_in_json_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = Service::start(&folder);
    service.post("/documents", &two_pages());

    let negative = json!({"pages": [{"number": 1, "ids": [1]}, {"number": -1, "ids": [2]}]});
    for ((status, body), expected, words) in [
        (
            service.get("/documents/9/pages/1"),
            404,
            "no document has the id 9",
        ),
        (service.get("/documents/x/pages/1"), 400, "Cannot parse"),
        (service.get("/elsewhere"), 404, "not found"),
        (service.post("/documents", &negative), 422, "found -1"),
        (
            service.post("/documents", &json!({"pages": []})),
            422,
            "found none",
        ),
        (
            service.post("/documents", &json!({"page": []})),
            422,
            "missing field",
        ),
        (
            service.put("/documents/1/pages/1", &json!([])),
            422,
            "has no ids",
        ),
        (
            service.put("/documents/1/pages/1", &json!([-1])),
            422,
            "a vector id",
        ),
        (
            service.delete("/documents/9"),
            404,
            "no document has the id 9",
        ),
    ] {
        assert_eq!(status, expected, "{body}");
        let error = body["error"].as_str().expect("a text");
        assert!(error.contains(words), "{error}");
    }

    let (_, page) = service.get("/documents/1/pages/2");
    assert_eq!(page["ids"], json!(["chunk"]));
    let (_, next) = service.post("/documents", &two_pages());
    assert_eq!(next, json!({"id": 2}), "a refused document is there");
    service.running.kill();
}

fn it_shows_no_password_of_a_database_that_it_cannot_use() {
    for url in [
        "postgres://u:marker-5f1d@h/x",
        "mssql://u:marker-5f1d@h/x",
        "mysql//u:marker-5f1d@h/x",
        "postgres://u:marker-5f1d@h:port/x",
    ] {
        let mut service = Command::new(program());
        let finished = run(service.env("DATABASE_URL", url));
        assert_ne!(finished.code, Some(0), "{finished:?}");
        assert!(
            !format!("{finished:?}").contains("marker-5f1d"),
            "{finished:?}"
        );
    }
}

fn it_stops_when_told_to_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = Service::start(&folder);
    service.post("/documents", &two_pages());
    drop(service.agent);

    signal("TERM", [service.running.id().to_string()]).expect("it is told");
    let said = service.running.finished().expect_success();

    assert!(said.contains("no request is left"), "{said}");
    assert!(said.contains("POST") && said.contains("201"), "{said}");
    for statement in ["SELECT", "INSERT INTO"] {
        assert!(!said.contains(statement), "{said}");
    }
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
    let service = Service::start(&folder);
    let (status, _) = service.get("/documents/1/pages/1");
    assert_eq!(status, StatusCode::OK);
    service.running.kill();
}

/// Records a document and deletes it again, and returns its ids.
fn forget_a_document(service: &Service, ids: Vec<u64>) -> Vec<Value> {
    let document = json!({"pages": [{"number": 1, "ids": ids}]});
    let (_, document) = service.post("/documents", &document);
    let (status, body) = service.delete(&format!("/documents/{}", document["id"]));
    assert_eq!(status, StatusCode::OK, "{body}");
    body["purge"].as_array().expect("ids").clone()
}

async fn noted(db: &DatabaseConnection) -> Vec<String> {
    lines(db, "SELECT points FROM outbox ORDER BY id").await
}

async fn until_nothing_is_noted(db: &DatabaseConnection) {
    until("an empty outbox", async || noted(db).await.is_empty()).await;
}

async fn what_a_killed_service_has_noted_is_deleted_by_the_next(database: Database) {
    let db = database.connect().await;
    let service = Service::start_on(&database.url, None);
    // More than one call accepts.
    let mut forgotten = forget_a_document(&service, (0..2_500).collect());
    service.post("/documents", &two_pages());
    let (_, replaced) = service.put("/documents/2/pages/2", &json!(["another"]));
    forgotten.extend(replaced["purge"].as_array().expect("ids").clone());
    service.running.kill();
    assert_eq!(noted(&db).await.len(), 4);
    // Qdrant has no points with such names.
    forgotten.retain(|id| id != "chunk");

    let store = Store::start();
    let service = Service::start_on(&database.url, Some(&store));

    let mut deleted = Vec::new();
    while deleted.len() < forgotten.len() {
        let call = store.call();
        deleted.extend(call.points.clone());
        call.answer("200 OK");
    }
    assert_eq!(deleted, forgotten);
    until_nothing_is_noted(&db).await;
    let (_, page) = service.get("/documents/2/pages/2");
    assert_eq!(page["ids"], json!(["another"]));
    service.running.kill();
}

async fn what_the_store_has_deleted_for_a_killed_service_is_deleted_again(database: Database) {
    let db = database.connect().await;
    let store = Store::start();
    let service = Service::start_on(&database.url, Some(&store));
    let forgotten = forget_a_document(&service, vec![7, 8]);
    let unanswered = store.call();
    assert_eq!(unanswered.points, forgotten);
    service.running.kill();
    drop(unanswered);
    assert_eq!(noted(&db).await, ["[7, 8]"]);

    let service = Service::start_on(&database.url, Some(&store));

    let call = store.call();
    assert_eq!(call.points, forgotten);
    call.answer("200 OK");
    until_nothing_is_noted(&db).await;
    service.running.kill();
}

async fn an_id_that_another_page_has_is_not_purged(database: Database) {
    let db = database.connect().await;
    let service = Service::start_on(&database.url, None);
    let pages = json!({"pages": [{"number": 1, "ids": [7]}, {"number": 2, "ids": [7, 8]}]});
    let (_, document) = service.post("/documents", &pages);

    let page = format!("/documents/{}/pages/1", document["id"]);
    let (_, replaced) = service.put(&page, &json!([9]));

    assert_eq!(replaced["purge"], json!([]));
    assert!(noted(&db).await.is_empty());
    service.running.kill();
}

async fn a_row_that_cannot_be_read_keeps_no_other_waiting(database: Database) {
    let db = database.connect().await;
    let service = Service::start_on(&database.url, None);
    let damaged = "INSERT INTO outbox (points) VALUES ('[7,')";
    database.execute([damaged]).await;
    let forgotten = forget_a_document(&service, vec![8]);
    service.running.kill();

    let store = Store::start();
    let service = Service::start_on(&database.url, Some(&store));

    let call = store.call();
    assert_eq!(call.points, forgotten);
    call.answer("200 OK");
    until("the damaged row alone", async || {
        noted(&db).await == ["[7,"]
    })
    .await;
    service.running.kill();
}

async fn a_row_that_the_store_refuses_keeps_no_other_waiting(database: Database) {
    let db = database.connect().await;
    let service = Service::start_on(&database.url, None);
    let refused = forget_a_document(&service, vec![1]);
    let other = forget_a_document(&service, vec![2]);
    service.running.kill();
    let store = Store::start();
    let service = Service::start_on(&database.url, Some(&store));

    for (points, answer) in [
        (&refused, "400 Bad Request"),
        (&other, "200 OK"),
        (&refused, "503 Service Unavailable"),
        (&refused, "200 OK"),
    ] {
        let call = store.call();
        assert_eq!(&call.points, points);
        assert!(noted(&db).await.contains(&"[1]".to_owned()));
        call.answer(answer);
    }

    until_nothing_is_noted(&db).await;
    service.running.kill();
}

async fn a_row_that_another_worker_has_is_skipped(database: Database) {
    let db = database.connect().await;
    let service = Service::start_on(&database.url, None);
    let first = forget_a_document(&service, vec![1]);
    let second = forget_a_document(&service, vec![2]);
    service.running.kill();
    let store = Store::start();
    let one = Service::start_on(&database.url, Some(&store));
    let first_call = store.call();
    assert_eq!(first_call.points, first);

    let other = Service::start_on(&database.url, Some(&store));

    let second_call = store.call();
    assert_eq!(second_call.points, second);
    // While both workers run, points can be written to the outbox.
    let third = forget_a_document(&one, vec![3]);
    first_call.answer("200 OK");
    let third_call = store.call();
    assert_eq!(third_call.points, third);
    second_call.answer("200 OK");
    third_call.answer("200 OK");
    until_nothing_is_noted(&db).await;
    assert!(!store.is_called(), "points are deleted twice");
    one.running.kill();
    other.running.kill();
}

async fn what_is_not_forgotten_is_not_noted(database: Database) {
    let service = Service::start_on(&database.url, None);
    service.post("/documents", &two_pages());
    database
        .execute([
            "CREATE TABLE tags (doc_id integer NOT NULL, FOREIGN KEY (doc_id) REFERENCES documents (id))",
            "INSERT INTO tags VALUES (1)",
        ])
        .await;

    let (status, body) = service.delete("/documents/1");

    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert_eq!(noted(&database.connect().await).await, [""; 0]);
    let (status, _) = service.get("/documents/1/pages/1");
    assert_eq!(status, StatusCode::OK);
    service.running.kill();
}
