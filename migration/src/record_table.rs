//! The table that records which migrations have been applied, in SeaORM's form.

use sea_orm::{DynIden, Schema};
use sea_orm_migration::seaql_migrations;
use sea_query::{Alias, IntoIden, Table};

use converge::{Case, DYNAMIC_ROWS, Engine, sql};

use crate::{Error, versions};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordTable {
    name: String,
}

impl RecordTable {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Requires that the engine accepts the name as it is, for a table of its own.
    pub(crate) fn require_usable(&self, backend: Engine) -> Result<(), Error> {
        let shape = versions::newest()?;
        let mut declared = shape.own_tables().chain(shape.required_tables());
        let holds_rows = declared.any(|table| self.name.eq_ignore_ascii_case(table));
        let unusable = match backend {
            _ if self.name.is_empty() => "it is empty",
            _ if holds_rows => "that table holds rows",
            Engine::Postgres if self.name.len() > 63 => "PostgreSQL cuts names at 63 bytes",
            Engine::MySql if self.name.chars().count() > 64 => {
                "MySQL has no names of more than 64 letters"
            }
            _ => return Ok(()),
        };
        Err(Error::MigrationTable {
            name: self.name.clone(),
            reason: unusable,
        })
    }

    /// Requires that the name can stand in a script of PostgreSQL, between the dollar signs of its
    /// blocks.
    #[cfg(feature = "cli")]
    pub(crate) fn require_scriptable(&self, backend: Engine) -> Result<(), Error> {
        if backend != Engine::Postgres || !self.name.contains('$') {
            return Ok(());
        }
        Err(Error::MigrationTable {
            name: self.name.clone(),
            reason: "a script cannot hold its dollar sign",
        })
    }

    /// Returns whether this is the table's name in the catalog.
    pub(crate) fn is_called(&self, case: Case, name: &str) -> bool {
        case.is_same(&self.name, name)
    }

    /// Returns the name for SeaQuery, which quotes it.
    pub(crate) fn iden(&self) -> DynIden {
        Alias::new(&self.name).into_iden()
    }

    /// Returns the quoted name for a statement that is written by hand.
    pub(crate) fn quoted(&self, backend: Engine) -> String {
        sql::identifier(backend, &self.name)
    }

    /// Returns the statement that creates the table if it does not exist.
    pub(crate) fn create(&self, backend: Engine) -> String {
        let mut create =
            Schema::new(backend.backend()).create_table_from_entity(seaql_migrations::Entity);
        create.table(self.iden()).if_not_exists();
        if backend == Engine::MySql {
            // The defaults of the server and the database may be an engine without transactions, a
            // row format that cannot index the names, and bytes in place of text.
            create
                .engine("InnoDB")
                .character_set("utf8mb4")
                .extra(DYNAMIC_ROWS);
        }
        backend.backend().build(&create).sql
    }

    /// Returns the query of PostgreSQL that finds a row if an index, a sequence or a type has the
    /// name. The array type of another one gives way.
    pub(crate) fn is_taken(&self) -> String {
        let name = sql::literal(Engine::Postgres, &self.name);
        format!(
            "SELECT 1 FROM pg_catalog.pg_namespace n WHERE n.nspname = current_schema() AND (
               EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname = {name})
               OR EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.typnamespace = n.oid AND t.typname = {name}
                          AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)))"
        )
    }

    pub(crate) fn drop(&self, backend: Engine) -> String {
        let drop = Table::drop().table(self.iden()).if_exists().take();
        backend.backend().build(&drop).sql
    }

    /// Returns the statement that records a migration as applied now.
    pub(crate) fn insert(&self, backend: Engine, migration: &str) -> String {
        let now = match backend {
            Engine::MySql => "unix_timestamp()",
            Engine::Sqlite => "CAST(strftime('%s', 'now') AS INTEGER)",
            Engine::Postgres => "extract(epoch FROM now())::bigint",
        };
        let (table, migration) = (self.quoted(backend), sql::literal(backend, migration));
        format!("INSERT INTO {table} (version, applied_at) VALUES ({migration}, {now})")
    }

    /// Returns the statement that deletes the record of a migration.
    pub(crate) fn delete(&self, backend: Engine, migration: &str) -> String {
        let (table, migration) = (self.quoted(backend), sql::literal(backend, migration));
        format!("DELETE FROM {table} WHERE version = {migration}")
    }

    /// Returns the query that finds a row if a migration is recorded.
    pub(crate) fn select(&self, backend: Engine, migration: &str) -> String {
        let (table, migration) = (self.quoted(backend), sql::literal(backend, migration));
        format!("SELECT 1 FROM {table} WHERE version = {migration}")
    }

    /// Returns the query of PostgreSQL that finds a row if these migrations are recorded, at least
    /// one, and no others.
    pub(crate) fn complete(&self, schema: Option<&str>, migrations: &[&str]) -> String {
        let backend = Engine::Postgres;
        let table = match schema {
            Some(schema) => format!(
                "{}.{}",
                sql::identifier(backend, schema),
                self.quoted(backend)
            ),
            None => self.quoted(backend),
        };
        let names: Vec<String> = migrations
            .iter()
            .map(|name| sql::literal(backend, name))
            .collect();
        format!(
            "SELECT 1 FROM {table} HAVING count(*) > 0 \
             AND count(DISTINCT version) FILTER (WHERE applied_at IS NOT NULL) = {} \
             AND count(*) FILTER (WHERE version IS NULL OR version NOT IN ({})) = 0",
            names.len(),
            names.join(", ")
        )
    }

    /// Returns a condition in SQL: whether a migration is recorded.
    #[cfg(feature = "cli")]
    pub(crate) fn has(&self, backend: Engine, migration: &str) -> String {
        format!("EXISTS ({})", self.select(backend, migration))
    }

    /// Returns a condition in SQL: whether a migration other than these is recorded.
    #[cfg(feature = "cli")]
    pub(crate) fn has_others(&self, backend: Engine, known: &[&str]) -> String {
        let table = self.quoted(backend);
        let known: Vec<String> = known
            .iter()
            .map(|name| sql::literal(backend, name))
            .collect();
        let known = known.join(", ");
        format!("EXISTS (SELECT 1 FROM {table} WHERE version NOT IN ({known}))")
    }
}

impl Default for RecordTable {
    fn default() -> Self {
        Self::new("seaql_migrations")
    }
}
