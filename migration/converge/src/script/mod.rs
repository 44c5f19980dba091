//! The statements of `up` and `down` as a script that a user applies by hand. It is generated
//! without a database: for each migration it contains the plan from the shape before it to its own.
//!
//! On every engine a script does a part only if the records show that it is pending. A table that
//! exists without a record stops the script, because only `up` can inspect the table.

mod catalog;
mod guard;
mod mysql;
mod part;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use self::{guard::Guard, part::Part};
use crate::{Error, declare::Shape, engine::Engine, session::Settings};

/// The input from which scripts are generated.
pub struct Script<'s> {
    /// The engine.
    pub backend: Engine,
    /// The schema to work in, and where a required table may be created.
    pub settings: &'s Settings,
    /// The migration table.
    pub records: &'s dyn Records,
    /// All migrations that declare a part of the shape, in their order.
    pub versions: &'s [Version],
}

/// A migration with the shapes before it and with it.
#[derive(Clone, Debug)]
pub struct Version {
    /// The name that is recorded.
    pub migration: String,
    /// What the migrations before it declare.
    pub older: Shape,
    /// What they and this one declare.
    pub newer: Shape,
}

/// The migration table in SQL of the script's engine.
pub trait Records {
    /// Returns the statement that creates the table if it does not exist.
    fn create(&self) -> String;

    /// Returns the statement that records a migration, which begins with INSERT.
    fn insert(&self, migration: &str) -> String;

    /// Returns the statement that deletes the record of a migration.
    fn delete(&self, migration: &str) -> String;

    /// Returns the condition that a migration is recorded.
    fn has(&self, migration: &str) -> String;

    /// Returns the condition that a migration is recorded that the migrator does not know.
    fn has_others(&self) -> String;
}

impl Script<'_> {
    /// Returns the script that applies the first migrations, at most this many.
    ///
    /// # Errors
    ///
    /// [`Error::Unscripted`] if the statements of one depend on what is in the database.
    pub fn up(&self, count: usize) -> Result<String, Error> {
        let versions = self.versions.iter().take(count);
        let parts = versions.map(|version| Part::up(self, version));
        let parts: Vec<Part<'_>> = parts.collect::<Result<_, _>>()?;
        let mut guards = self.guards(&parts);
        let applied = &self.versions[..count.min(self.versions.len())];
        guards.extend(guard::required(self, applied));
        let statements = match self.backend {
            Engine::MySql => mysql::up(self.records, &guards, &parts),
            Engine::Sqlite => sqlite::up(self.records, &guards, &parts),
            Engine::Postgres => postgres::up(self.schema(), self.records, &guards, &parts),
        };
        Ok(self.text(&made(&self.newest()), &statements))
    }

    /// Returns the script that undoes the last migrations, at most this many. Required tables are
    /// kept, because no script can make sure that no session writes to a table while it is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Unscripted`] if the statements of one depend on what is in the database.
    pub fn down(&self, count: usize) -> Result<String, Error> {
        let taken: Vec<&Version> = self.versions.iter().rev().take(count).collect();
        let parts = taken
            .iter()
            .map(|&version| Part::down(self, version, &taken));
        let parts: Vec<Part<'_>> = parts.collect::<Result<_, _>>()?;
        let guards = self.guards(&parts);
        let statements = match self.backend {
            Engine::MySql => mysql::down(self.records, &guards, &parts),
            Engine::Sqlite => sqlite::down(self.records, &guards, &parts),
            Engine::Postgres => postgres::down(self.schema(), self.records, &guards, &parts),
        };
        Ok(self.text(&taken_back(&self.newest()), &statements))
    }

    fn schema(&self) -> &str {
        self.settings.schema.as_deref().unwrap_or("public")
    }

    fn newest(&self) -> Shape {
        let newest = self.versions.last().map(|version| version.newer.clone());
        newest.unwrap_or_default()
    }

    fn guards<'g>(&self, parts: &'g [Part<'_>]) -> Vec<Guard> {
        let of_parts = parts
            .iter()
            .flat_map(|part: &'g Part<'_>| part.guards.clone());
        std::iter::once(Guard::against_others(self.records))
            .chain(of_parts)
            .collect()
    }

    fn text(&self, what: &str, statements: &[String]) -> String {
        let apply = match self.backend {
            Engine::MySql => {
                "mariadb DATABASE < FILE\n\
                 -- Each statement commits. If the script is interrupted between a table and its record, run\n\
                 -- `migration up` to continue, or drop the empty table and apply the script again."
            }
            Engine::Sqlite => "sqlite3 DATABASE < FILE",
            Engine::Postgres => "psql -v ON_ERROR_STOP=1 -f FILE DATABASE",
        };
        let statements = statements.join("\n");
        format!("{what}\n-- Apply it with: {apply}\n{statements}\n")
    }
}

fn made(newest: &Shape) -> String {
    let own: Vec<&str> = newest.own_tables().collect();
    let (all, each) = match own.as_slice() {
        [table] => (format!("table {table}"), format!("table {table}")),
        tables => (
            format!("tables {}", tables.join(", ")),
            "table of these".to_owned(),
        ),
    };
    let required: Vec<&str> = newest.required_tables().collect();
    let next_to = match required.as_slice() {
        [] => String::new(),
        tables => format!(" next to {}", tables.join(", ")),
    };
    format!(
        "-- Creates the {all}{next_to}. Skips migrations that are recorded as applied.\n\
         -- A {each} that no migration has created stops the script: `migration up` converges such a table."
    )
}

fn taken_back(newest: &Shape) -> String {
    let own: Vec<&str> = newest.own_tables().collect();
    let (all, each) = match own.as_slice() {
        [table] => (format!("table {table}"), "the table"),
        tables => (format!("tables {}", tables.join(", ")), "a table"),
    };
    let required: Vec<&str> = newest.required_tables().collect();
    let stays = match required.as_slice() {
        [] => String::new(),
        [table] => format!("; {table} stays"),
        tables => format!("; {} stay", tables.join(", ")),
    };
    format!(
        "-- Undoes migrations of the {all}. Undoing the migration that created {each} drops it with its rows.\n\
         -- Skips migrations that are not recorded as applied{stays}."
    )
}

/// Returns the same statement with IF NOT EXISTS, if it creates a table or an index.
fn where_missing(statement: &str) -> String {
    let creations = ["CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX "];
    let made = creations
        .iter()
        .find_map(|create| Some((create, statement.strip_prefix(create)?)));
    match made {
        Some((create, rest)) => format!("{create}IF NOT EXISTS {rest}"),
        None => statement.to_owned(),
    }
}
