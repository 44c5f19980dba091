//! The example service, driven over HTTP.

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::{Agent, http::StatusCode};

use crate::{
    engines::{process::signal, workspace},
    programs::{Running, run},
};

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
        let mut command = Command::new(program());
        command
            .env(
                "DATABASE_URL",
                format!("sqlite://{}?mode=rwc", database.display()),
            )
            .env("LISTEN", "127.0.0.1:0");
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
            "there is none with id 9",
        ),
        (service.get("/documents/x/pages/1"), 400, "Cannot parse"),
        (service.get("/elsewhere"), 404, "nothing here"),
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
            "there is none with id 9",
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
    let mut service = Command::new(program());
    let finished = run(service.env("DATABASE_URL", "postgres://u:marker-5f1d@h/x"));
    assert_ne!(finished.code, Some(0), "{finished:?}");
    assert!(
        !format!("{finished:?}").contains("marker-5f1d"),
        "{finished:?}"
    );
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
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
    let service = Service::start(&folder);
    let (status, _) = service.get("/documents/1/pages/1");
    assert_eq!(status, StatusCode::OK);
    service.running.kill();
}
