//! What is tested, a file for each of the product's faces.

/// Functions of the enclosing module as tests under their own names.
macro_rules! tests {
    ($($function:ident),* $(,)?) => {
        vec![$($crate::suites::Test {
            name: concat!(module_path!(), "::", stringify!($function)),
            body: |database| Box::pin($function(database)),
        }),*]
    };
}

mod alembic;
mod command_line;
mod documents;
mod entities;
mod generated;
mod library;
mod packages;
mod shape;
mod sqlalchemy;

use std::pin::Pin;

use sea_orm::DbBackend;

use crate::engines::Database;

/// A test that gets a database of its own.
pub struct Test {
    pub name: &'static str,
    pub body: fn(Database) -> Body,
}

type Body = Pin<Box<dyn Future<Output = ()>>>;

/// The tests that say something about this kind of database.
pub fn tests(backend: DbBackend) -> Vec<Test> {
    let suites = [
        alembic::tests(backend),
        command_line::tests(backend),
        documents::tests(backend),
        entities::tests(),
        generated::tests(),
        library::tests(),
        shape::tests(backend),
        sqlalchemy::tests(),
    ];
    let mut tests: Vec<Test> = suites.into_iter().flatten().collect();
    for test in &mut tests {
        test.name = test.name.trim_start_matches("end_to_end::suites::");
    }
    tests
}

/// The tests that need no database.
pub fn without_engine() -> Vec<(&'static str, fn())> {
    [command_line::without_engine(), packages::without_engine()].concat()
}
