//! The tests, one file for each subject.

/// Turns functions of the enclosing module into tests under their own names.
macro_rules! tests {
    ($($function:ident),* $(,)?) => {
        vec![$($crate::suites::Test::new(module_path!(), stringify!($function), |database| {
            Box::pin($function(database))
        })),*]
    };
}

mod alembic;
mod answered_errors;
mod at_work;
mod audit;
mod cancelled;
mod chained;
mod citus;
mod command_line;
mod connections;
mod convergence;
mod crashes;
mod documentation;
mod documents;
mod dotenv;
mod drift;
mod dry_run;
mod entities;
mod entities_work;
mod every_type;
mod faults;
mod fresh;
mod generated;
mod imports;
mod inventory;
mod isolation;
mod library;
mod locks;
mod names;
mod orphans;
mod outages;
mod output;
mod packages;
mod pages;
mod pages_beside_others;
mod plans;
mod random_shapes;
mod rebuilds;
mod reconcile;
mod recordings;
mod referred_to;
mod releases;
mod replicas;
mod rewrites;
mod rights;
mod script;
mod secrets;
mod service;
mod settings;
mod shape;
mod sqlalchemy;
mod sqlite_files;
mod status;
mod storage;
mod store_page;
mod waiting;
mod which_version;
mod words;
mod work;

use std::{path::Path, pin::Pin};

use sea_orm::DbBackend;

use crate::{
    engines::{Database, Engine, workspace},
    system_calls,
};

/// A test that gets a database of its own.
pub struct Test {
    pub name: String,
    /// The quick tier runs one of the tests that have this in common.
    pub kin: String,
    pub body: Box<dyn Fn(Database) -> Body + Send>,
}

pub type Body = Pin<Box<dyn Future<Output = ()>>>;

impl Test {
    /// Returns a test; `module` is the path of the module that contains it.
    pub fn new(module: &str, name: &str, body: impl Fn(Database) -> Body + Send + 'static) -> Self {
        let suite = module
            .split_once("::suites::")
            .map_or(module, |(_, suite)| suite);
        let name = format!("{suite}::{name}");
        Self {
            kin: name.clone(),
            name,
            body: Box::new(body),
        }
    }

    /// Returns the test as one of several, of which one is enough for a small change.
    pub fn one_of(self, kin: &str) -> Self {
        Self {
            kin: kin.to_owned(),
            ..self
        }
    }
}

/// Returns the tests that concern this engine.
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
        "galera" => {
            let suites = [
                at_work::tests(engine),
                replicas::tests(engine),
                locks::of_a_cluster(),
            ];
            return suites.into_iter().flatten().collect();
        }
        "pgbouncer" => {
            let suites = [at_work::tests(engine), replicas::tests(engine)];
            return suites.into_iter().flatten().collect();
        }
        _ => {}
    }
    let of_sqlite = match backend {
        DbBackend::Sqlite => rebuilds::tests()
            .into_iter()
            .chain(store_page::tests())
            .collect(),
        _ => Vec::new(),
    };
    let suites = [
        alembic::tests(backend),
        answered_errors::tests(engine),
        at_work::tests(engine),
        audit::tests(backend),
        cancelled::tests(backend),
        chained::tests(backend),
        command_line::tests(backend),
        connections::tests(engine),
        convergence::tests(backend),
        crashes::tests(engine),
        documentation::tests(engine),
        documents::tests(backend),
        drift::tests(backend),
        dry_run::tests(),
        entities::tests(),
        entities_work::tests(backend),
        every_type::tests(),
        faults::tests(backend),
        fresh::tests(backend),
        generated::tests(),
        releases::tests(),
        isolation::tests(backend),
        library::tests(),
        locks::tests(engine),
        names::tests(backend),
        orphans::tests(backend),
        outages::tests(backend),
        output::tests(backend),
        pages::tests(backend),
        pages_beside_others::tests(backend),
        plans::tests(backend),
        random_shapes::tests(),
        of_sqlite,
        reconcile::tests(),
        recordings::tests(engine),
        referred_to::tests(backend),
        replicas::tests(engine),
        rewrites::tests(backend),
        rights::tests(backend),
        script::tests(backend),
        secrets::tests(backend),
        service::tests(backend),
        settings::tests(backend),
        shape::tests(backend),
        sqlalchemy::tests(),
        status::tests(backend),
        storage::tests(backend),
        waiting::tests(backend),
        which_version::tests(),
    ];
    suites.into_iter().flatten().collect()
}

/// The suites that the quick tier runs on each engine, because they are about what differs between
/// engines. Of each other test that several engines have, it runs one.
const OF_EACH_ENGINE: [&str; 11] = [
    "answered_errors::",
    "convergence::",
    "entities::",
    "entities_work::",
    "every_type::",
    "pages::",
    "pages_beside_others::",
    "random_shapes::",
    "recordings::",
    "replicas::",
    "settings::",
];

/// Returns whether the quick tier runs the test on each engine.
pub fn is_of_each_engine(test: &Test) -> bool {
    OF_EACH_ENGINE
        .iter()
        .any(|suite| test.name.starts_with(suite))
}

/// The tests that wait for most of their time.
pub const WAIT: [&str; 15] = [
    "_survives_53300_from_there_on",
    "command_line::an_unreachable_server_is_one_sentence",
    "connections::a_server_that_does_not_answer_is_reported_once",
    "connections::a_server_that_is_waited_for_is_reported_once",
    "faults::a_role_with_one_connection_is_told_how_many_it_needs",
    "faults::a_role_without_another_connection_is_one_sentence",
    "galera::replicas::a_cluster_that_loses_a_node_is_migrated",
    "isolation::a_pool_keeps_its_default_level",
    "mariadb::waiting::",
    "orphans::ids_whose_deletion_is_not_committed_are_taken_back",
    "outages::a_server_that_is_killed_during_up",
    "pages::a_call_that_the_database_ends_changes_nothing_and_the_next_one_works",
    "replicas::tasks_on_one_pool_migrate",
    "sqlite::waiting::",
    "waiting::a_commit_that_waits_for_an_absent_standby_ends_in_time",
];

/// Returns whether the test with this name waits for most of its time.
pub fn waits(test: &str) -> bool {
    WAIT.iter().any(|part| test.contains(part))
}

/// What `tests/run` installs and a suite cannot do without.
const NEEDS: [(&str, &str); 2] = [
    ("alembic::", "target/venv/bin/python"),
    ("sqlalchemy::", "target/venv/bin/python"),
];

/// The suites that make SQLite's system calls fail.
const NEED_STRACE: [&str; 2] = ["answered_errors::", "crashes::"];

/// Returns what this test needs and this machine does not have.
pub fn missing(engine: Engine, test: &Test) -> Option<&'static str> {
    if engine.is_named() && test.name.starts_with("outages::") {
        return Some("server that may be killed");
    }
    let has_prefix = |prefix: &&str| test.name.starts_with(*prefix);
    let is_traced = engine.backend == DbBackend::Sqlite && NEED_STRACE.iter().any(has_prefix);
    if is_traced && !Path::new(system_calls::PROGRAM).exists() {
        return Some(system_calls::PROGRAM);
    }
    let needed = |(prefix, _): &&(&str, &str)| has_prefix(prefix);
    let (_, program) = NEEDS.iter().find(needed)?;
    (!workspace().join(program).exists()).then_some(program)
}

/// Returns the tests that need no database.
pub fn without_engine() -> Vec<(&'static str, fn())> {
    [
        command_line::without_engine(),
        connections::without_engine(),
        documentation::without_engine(),
        dotenv::without_engine(),
        imports::without_engine(),
        output::without_engine(),
        packages::without_engine(),
        secrets::without_engine(),
        service::without_engine(),
        sqlite_files::without_engine(),
        words::without_engine(),
    ]
    .concat()
}
