//! What is tested, a file for each of the product's faces.

/// Functions of the enclosing module as tests under their own names.
macro_rules! tests {
    ($($function:ident),* $(,)?) => {
        vec![$($crate::suites::Test::new(module_path!(), stringify!($function), |database| {
            Box::pin($function(database))
        })),*]
    };
}

mod alembic;
mod chained;
mod citus;
mod command_line;
mod convergence;
mod crashes;
mod documentation;
mod documents;
mod dry_run;
mod entities;
mod faults;
mod fresh;
mod generated;
mod inventory;
mod library;
mod outages;
mod output;
mod packages;
mod pages;
mod pages_beside_others;
mod random_shapes;
mod replicas;
mod rights;
mod script;
mod secrets;
mod service;
mod shape;
mod sqlalchemy;
mod status;
mod storage;
mod waiting;

use std::pin::Pin;

use crate::engines::{Database, Engine, workspace};

/// A test that gets a database of its own.
pub struct Test {
    pub name: String,
    pub body: Box<dyn Fn(Database) -> Body + Send>,
}

pub type Body = Pin<Box<dyn Future<Output = ()>>>;

impl Test {
    /// `module` is the path of the module that holds the test.
    pub fn new(module: &str, name: &str, body: impl Fn(Database) -> Body + Send + 'static) -> Self {
        let suite = module.rsplit("::").next().unwrap_or(module);
        Self {
            name: format!("{suite}::{name}"),
            body: Box::new(body),
        }
    }
}

/// The tests that say something about this engine.
pub fn tests(engine: Engine) -> Vec<Test> {
    let backend = engine.backend;
    match engine.name {
        "citus" => {
            let suites = [
                citus::tests(),
                entities::tests(),
                pages::tests(backend),
                pages_beside_others::tests(backend),
            ];
            return suites.into_iter().flatten().collect();
        }
        "galera" | "pgbouncer" => return replicas::tests(engine),
        _ => {}
    }
    let suites = [
        alembic::tests(backend),
        chained::tests(),
        command_line::tests(backend),
        convergence::tests(backend),
        crashes::tests(engine),
        documentation::tests(engine),
        documents::tests(backend),
        dry_run::tests(),
        entities::tests(),
        faults::tests(backend),
        fresh::tests(backend),
        generated::tests(),
        library::tests(),
        outages::tests(backend),
        output::tests(backend),
        pages::tests(backend),
        pages_beside_others::tests(backend),
        random_shapes::tests(),
        replicas::tests(engine),
        rights::tests(backend),
        script::tests(backend),
        secrets::tests(backend),
        shape::tests(backend),
        sqlalchemy::tests(),
        status::tests(backend),
        storage::tests(backend),
        waiting::tests(backend),
    ];
    suites.into_iter().flatten().collect()
}

/// What `tests/run` installs and a suite cannot do without.
const NEEDS: [(&str, &str); 5] = [
    ("alembic::", "target/venv/bin/python"),
    ("sqlalchemy::", "target/venv/bin/python"),
    ("generated::", "target/tools/bin/sea-orm-cli"),
    (
        "command_line::every_subcommand",
        "target/tools/bin/sea-orm-cli",
    ),
    (
        "command_line::the_url_and_schema",
        "target/tools/bin/sea-orm-cli",
    ),
];

/// What this test needs and is not there.
pub fn missing(engine: Engine, test: &Test) -> Option<&'static str> {
    if engine.is_named() && test.name.starts_with("outages::") {
        return Some("server that may be killed");
    }
    let needed = |(prefix, _): &&(&str, &str)| test.name.starts_with(prefix);
    let (_, program) = NEEDS.iter().find(needed)?;
    (!workspace().join(program).exists()).then_some(program)
}

/// The tests that need no database.
pub fn without_engine() -> Vec<(&'static str, fn())> {
    [
        command_line::without_engine(),
        documentation::without_engine(),
        output::without_engine(),
        packages::without_engine(),
        secrets::without_engine(),
        service::without_engine(),
    ]
    .concat()
}
