//! Replays the terminal sessions of the pages as a reader would type them, and tests their other
//! code.
//!
//! A console block with the name of an engine is a session on a fresh database of that engine, by
//! default SQLite; `continued` goes on with the block before it. An HTML comment
//! `<!-- given FILE -->` before it names the SQL that has created the database. In the shown
//! output, a line `...` stands for any lines, and `...` at the end of a line for its rest. Numbers
//! with a point, dates, and the location of the database may differ.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use sea_orm::DbBackend;
use tempfile::TempDir;
use url::Url;

use super::{Body, Test};
use crate::{
    engines::{Database, Engine, workspace},
    programs::{Finished, cargo, finished, run, without_cargos_variables},
    tier::Tier,
};

const PAGES: [&str; 10] = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/start.md",
    "docs/adopting.md",
    "docs/operating.md",
    "docs/services.md",
    "docs/store.md",
    "docs/performance.md",
    "docs/scale.md",
    "docs/decisions.md",
];

/// Commands of `tests/run` itself, commands that take hours, and those that name a database that
/// the test names itself.
const LEFT_OUT: [&str; 7] = [
    "tests/run",
    "tests/bench",
    "cargo bench",
    "cargo doc",
    "cargo install",
    "cargo run -p entity --example service",
    "export DATABASE_URL=",
];

pub fn tests(engine: Engine) -> Vec<Test> {
    let sessions = PAGES.into_iter().flat_map(sessions);
    sessions
        .filter(|session| is_run_on(session, engine))
        .map(|session| {
            let name = format!("{} line {}", session.page, session.line);
            Test::new(module_path!(), &name, move |database| -> Body {
                let session = session.clone();
                Box::pin(async move { replay(&session, database).await })
            })
        })
        .collect()
}

fn is_run_on(session: &Session, engine: Engine) -> bool {
    match session.engine.as_str() {
        "postgres" => engine.backend == DbBackend::Postgres && engine.name != "postgres18",
        "mariadb" => engine.backend == DbBackend::MySql,
        _ => engine.name == session.engine,
    }
}

pub fn without_engine() -> Vec<(&'static str, fn())> {
    let mut tests: Vec<(&'static str, fn())> = vec![
        (
            "documentation::every_link_leads_somewhere",
            every_link_leads_somewhere,
        ),
        (
            "documentation::the_page_for_services_shows_a_migration_that_is_tested",
            the_page_for_services_shows_a_migration_that_is_tested,
        ),
        (
            "documentation::the_pictures_are_current",
            the_pictures_are_current,
        ),
    ];
    // SeaORM is built anew for it.
    if Tier::current() == Tier::Exhaustive {
        tests.push((
            "documentation::a_service_is_built_with_what_the_readme_says",
            a_service_is_built_with_what_the_readme_says,
        ));
    }
    tests
}

fn the_page_for_services_shows_a_migration_that_is_tested() {
    let tested = page("tests/releases/m20270101_000000_add_model.rs");

    let services = page("docs/services.md");

    assert!(services.contains(&format!("```rs\n{tested}```\n")));
}

#[derive(Clone)]
struct Session {
    page: &'static str,
    line: usize,
    engine: String,
    given: Option<String>,
    exchanges: Vec<Exchange>,
}

/// A command and the output that is shown below it.
#[derive(Clone)]
struct Exchange {
    command: String,
    shown: Vec<String>,
}

fn page(path: &str) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sessions(path: &'static str) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let mut given = None;
    let page = page(path);
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let comment = line.strip_prefix("<!-- given ");
        if let Some(file) = comment.and_then(|line| line.strip_suffix(" -->")) {
            given = Some(file.to_owned());
        }
        let Some(about) = line.strip_prefix("```") else {
            continue;
        };
        let block = lines.by_ref().map(|(_, line)| line);
        let block: Vec<&str> = block.take_while(|line| *line != "```").collect();
        let Some(about) = about.strip_prefix("console") else {
            continue;
        };
        let exchanges = exchanges(&block);
        match (about.trim(), sessions.last_mut()) {
            ("continued", Some(session)) => session.exchanges.extend(exchanges),
            (engine, _) => sessions.push(Session {
                page: path,
                line: number + 1,
                engine: if engine.is_empty() { "sqlite" } else { engine }.to_owned(),
                given: given.take(),
                exchanges,
            }),
        }
    }
    let is_run = |exchange: &Exchange| {
        let starts = |start: &&str| exchange.command.starts_with(start);
        !LEFT_OUT.iter().any(starts)
    };
    for session in &mut sessions {
        session.exchanges.retain(is_run);
    }
    sessions.retain(|session| !session.exchanges.is_empty());
    sessions
}

fn exchanges(block: &[&str]) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    for line in block {
        match (line.strip_prefix("$ "), exchanges.last_mut()) {
            (Some(command), _) => exchanges.push(Exchange {
                command: command.to_owned(),
                shown: Vec::new(),
            }),
            (None, Some(last)) if last.command.ends_with('\\') => {
                last.command.push('\n');
                last.command.push_str(line);
            }
            (None, Some(last)) => last.shown.push((*line).to_owned()),
            (None, None) => panic!("a console block begins with a command, not with {line}"),
        }
    }
    exchanges
}

/// A mark between the output of two commands.
const MARK: &str = "@@ end of a command @@\n";

/// Functions of the shell. The package that Cargo tests is hidden, because `generate` would take it
/// for its own.
const PRELUDE: &str = r#"
cargo() {
    case "$*" in
    # As a newcomer, who sees what Cargo does. It builds what is built already.
    "run -p migration"*) shift 3; env -u CARGO_MANIFEST_DIR cargo run --manifest-path "$WORKSPACE/Cargo.toml" -p migration "$@" ;;
    "run --quiet -p migration"*) shift 4; if [ "${1:-}" = -- ]; then shift; fi; env -u CARGO_MANIFEST_DIR "$WORKSPACE/target/debug/migration" "$@" ;;
    *) echo "the tests know no cargo $*"; return 1 ;;
    esac
}
sea-orm-cli() { shift; "$WORKSPACE/target/debug/sea-orm-cli" migrate -d "$WORKSPACE/migration" "$@"; }
"#;

async fn replay(session: &Session, database: Database) {
    if let Some(given) = &session.given {
        database.execute([page(given)]).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let printed = bash(session, &database, &folder);
    let printed = as_shown(&printed.stdout, &database, &folder);
    let mut outputs = printed.split(MARK).map(str::to_owned);
    for Exchange { command, shown } in &session.exchanges {
        let output = outputs.next().unwrap_or_default();
        let output: Vec<String> = output.lines().map(steady).collect();
        let wanted: Vec<String> = shown.iter().map(|line| steady(line)).collect();
        assert!(
            matches(&wanted, &output),
            "{} line {}: $ {command}\n{}",
            session.page,
            session.line,
            output.join("\n")
        );
    }
}

fn bash(session: &Session, database: &Database, folder: &TempDir) -> Finished {
    let mut script = PRELUDE.to_owned();
    for exchange in &session.exchanges {
        script += &format!("{}\nprintf '{}'\n", exchange.command, MARK.escape_default());
    }
    copy_sources(folder.path());
    let url = match session.engine.as_str() {
        // As for a newcomer, whose database `.env` names.
        "sqlite" => {
            let dotenv = workspace().join(".env");
            fs::copy(dotenv, folder.path().join(".env")).expect("a copy");
            None
        }
        _ => Some(&database.url),
    };
    if session.engine == "mariadb" {
        let options = client_options(database);
        fs::write(folder.path().join(".my.cnf"), options).expect("a file");
    }
    let script = format!("exec 2>&1\n{script}");
    let mut bash = Command::new("bash");
    without_cargos_variables(&mut bash);
    let output = bash
        .args(["-c", &script])
        .current_dir(folder)
        .env("HOME", folder.path())
        .env("CARGO_HOME", cargo_home())
        .env("RUSTUP_HOME", rustup_home())
        .env("WORKSPACE", workspace())
        .env_remove("DATABASE_URL")
        .env_remove("DATABASE_SCHEMA")
        .envs(url.map(|url| ("DATABASE_URL", url)))
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    finished(output)
}

/// Copies the folder to which `generate` adds a file.
fn copy_sources(folder: &Path) {
    let sources = workspace().join("migration");
    run(Command::new("cp").arg("-r").arg(sources).arg(folder)).expect_success();
}

/// Returns Cargo's folder, which it looks for in HOME if no variable names it.
fn cargo_home() -> String {
    home_of("CARGO_HOME", ".cargo")
}

fn rustup_home() -> String {
    home_of("RUSTUP_HOME", ".rustup")
}

fn home_of(variable: &str, folder: &str) -> String {
    let usual = || format!("{}/{folder}", std::env::var("HOME").unwrap_or_default());
    std::env::var(variable).unwrap_or_else(|_| usual())
}

fn client_options(database: &Database) -> String {
    let url = Url::parse(&database.url).expect("a URL");
    format!(
        "[client]\nprotocol=tcp\nhost={}\nport={}\nuser={}\npassword={}\n[mysql]\ndatabase={}\n",
        url.host_str().expect("a host"),
        url.port().expect("a port"),
        url.username(),
        url.password().expect("a password"),
        database.name
    )
}

/// Replaces the database and the folder by the names that the pages use.
fn as_shown(printed: &str, database: &Database, folder: &TempDir) -> String {
    let folder = folder.path().to_string_lossy().into_owned();
    let mut shown = printed
        .replace(&folder, "/home/you/colpali-vectors")
        .replace(&database.name, "app");
    if let Ok(url) = Url::parse(&database.url)
        && let (Some(host), Some(port)) = (url.host_str(), url.port())
    {
        shown = shown
            .replace(&format!("{host}:{port}"), "localhost")
            .replace(&format!("user \"{}\"", url.username()), "user \"app\"");
    }
    shown
}

/// Replaces what differs from run to run.
fn steady(line: &str) -> String {
    let is_fraction = |word: &str| word.contains('.') && word.parse::<f64>().is_ok();
    let is_date = |word: &str| {
        word.len() > 7
            && word.contains(['-', ':'])
            && word.chars().all(|c| c.is_ascii_digit() || "-:".contains(c))
    };
    let place = line
        .replace("localhost:5432", "localhost")
        .replace("localhost:3306", "localhost");
    let words = place.trim_end().split(' ').map(|word| match word {
        word if is_fraction(word) => "#",
        word if is_date(word) => "#",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

fn matches(wanted: &[String], output: &[String]) -> bool {
    match wanted.split_first() {
        None => output.is_empty(),
        Some((line, rest)) if line == "..." => {
            (0..=output.len()).any(|skipped| matches(rest, &output[skipped..]))
        }
        Some((line, rest)) => output
            .split_first()
            .is_some_and(|(first, others)| is_line(line, first) && matches(rest, others)),
    }
}

fn is_line(wanted: &str, line: &str) -> bool {
    match wanted.strip_suffix("...") {
        Some(beginning) => line.starts_with(beginning),
        None => line == wanted,
    }
}

fn every_link_leads_somewhere() {
    for path in PAGES {
        let folder = workspace().join(path);
        let folder = folder.parent().expect("a folder");
        let page = page(path);
        let targets = page
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let images = page
            .split("src=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        for target in targets
            .chain(images)
            .filter(|target| !target.starts_with("http"))
        {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => workspace().join(path),
                file => folder.join(file),
            };
            assert!(file.exists(), "{path}: {target}");
            assert!(has_heading(&file, heading), "{path}: {target}");
        }
    }
}

/// Returns whether the page has a heading with this anchor, as GitHub derives it.
fn has_heading(file: &Path, anchor: &str) -> bool {
    if anchor.is_empty() {
        return true;
    }
    let text = fs::read_to_string(file).expect("a page");
    let anchor_of = |heading: &str| -> String {
        let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        heading
            .chars()
            .filter(kept)
            .collect::<String>()
            .replace(' ', "-")
    };
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor_of(line) == anchor)
}

fn the_pictures_are_current() {
    for (path, picture) in tests::pictures::all() {
        assert!(
            page(path) == picture,
            "{path}: run `cargo run -p tests --bin pictures`"
        );
    }
}

/// Builds the README's program with its dependencies, as another project's crate.
fn a_service_is_built_with_what_the_readme_says() {
    let readme = page("README.md");
    let block = |about: &str| {
        let (_, rest) = readme.split_once(&format!("```{about}\n")).expect(about);
        let (block, _) = rest.split_once("```").expect("its end");
        block.to_owned()
    };
    let dependencies = block("toml").replace("../colpali-vectors", &workspace().to_string_lossy());
    let manifest =
        format!("[package]\nname = \"service\"\nedition = \"2024\"\n{dependencies}\n[workspace]\n");
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("src")).expect("a folder");
    fs::write(folder.path().join("Cargo.toml"), manifest).expect("a file");
    fs::write(folder.path().join("src/main.rs"), block("rust,no_run")).expect("a file");
    let lock = workspace().join("Cargo.lock");
    fs::copy(lock, folder.path().join("Cargo.lock")).expect("a copy");
    run(cargo()
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", workspace().join("target/documentation"))
        .args(["check", "--quiet"]))
    .expect_success();
}
