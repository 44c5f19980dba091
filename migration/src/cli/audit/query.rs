//! The queries that list the rows of findings.

use std::collections::BTreeSet;

use converge::{Engine, sql::identifier};
use entity::audit::{Finding, PageKey};

use super::gathered::{Gathered, Kind};
use crate::Location;

/// Where the rows are.
pub(in crate::cli) struct Tables {
    engine: Engine,
    schema: Option<String>,
    /// The only document that is looked at.
    doc_id: Option<i32>,
}

impl Tables {
    pub(super) fn new(engine: Engine, location: &Location, doc_id: Option<i32>) -> Self {
        let schema = location.schema.clone();
        Self {
            engine,
            schema,
            doc_id,
        }
    }

    /// Returns the query that lists the rows of all findings of a kind, or where no condition finds them of those that
    /// were kept. A stray point has no row.
    pub(in crate::cli) fn query(&self, kind: Kind, gathered: &Gathered) -> Option<String> {
        let condition = match kind {
            Kind::Unreadable => self.rows(gathered),
            Kind::Empty => self.and_document("doc_id", self.is_empty()),
            Kind::NegativePage => self.and_document("doc_id", format!("{} < 0", self.name("page"))),
            Kind::TwiceInPage | Kind::InTwoPages | Kind::Missing => self.pages(gathered),
            Kind::WithoutPages => return Some(self.without_pages()),
            Kind::Stray => return None,
        };
        let [id, doc_id, page, vector_ids] =
            ["id", "doc_id", "page", "vector_ids"].map(|column| self.name(column));
        let vectors = self.table("vectors");
        Some(format!(
            "SELECT {id}, {doc_id}, {page}, {vector_ids} FROM {vectors} WHERE {condition} ORDER BY {id}"
        ))
    }

    fn name(&self, name: &str) -> String {
        identifier(self.engine, name)
    }

    fn table(&self, table: &str) -> String {
        let schema = self
            .schema
            .as_deref()
            .map(|schema| format!("{}.", self.name(schema)));
        format!("{}{}", schema.unwrap_or_default(), self.name(table))
    }

    fn and_document(&self, column: &str, condition: String) -> String {
        match self.doc_id {
            Some(doc_id) => format!("{} = {doc_id} AND {condition}", self.name(column)),
            None => condition,
        }
    }

    /// Of rows that no condition finds.
    fn rows(&self, gathered: &Gathered) -> String {
        let id = self.name("id");
        let rows = gathered.first.iter().filter_map(|finding| match finding {
            Finding::Unreadable { row, .. } => Some(row.id),
            _ => None,
        });
        let rows: BTreeSet<Option<i32>> = rows.collect();
        let ids: Vec<String> = rows.iter().flatten().map(i32::to_string).collect();
        let of_ids = format!("{id} IN ({})", ids.join(", "));
        match (ids.is_empty(), rows.contains(&None)) {
            (false, false) => of_ids,
            (false, true) => format!("{of_ids} OR {id} IS NULL"),
            (true, _) => format!("{id} IS NULL"),
        }
    }

    fn pages(&self, gathered: &Gathered) -> String {
        let mut pages: BTreeSet<PageKey> = BTreeSet::new();
        for finding in &gathered.first {
            match finding {
                Finding::TwiceInPage { page, .. } | Finding::Missing { page, .. } => {
                    pages.insert(*page);
                }
                Finding::InTwoPages { pages: both, .. } => pages.extend(both),
                Finding::Unreadable { .. }
                | Finding::Empty { .. }
                | Finding::NegativePage { .. }
                | Finding::WithoutPages { .. }
                | Finding::Stray { .. } => {}
            }
        }
        let (doc_id, page) = (self.name("doc_id"), self.name("page"));
        let pages = pages
            .iter()
            .map(|one| format!("({doc_id} = {} AND {page} = {})", one.doc_id, one.page));
        pages.collect::<Vec<_>>().join(" OR ")
    }

    /// Whatever spaces are in the list.
    fn is_empty(&self) -> String {
        const EMPTY: &str = "'^[[:space:]]*[[][[:space:]]*[]][[:space:]]*$'";
        let text = self.name("vector_ids");
        match self.engine {
            Engine::Postgres => format!("{text}::text ~ {EMPTY}"),
            Engine::MySql => format!("{text} REGEXP {EMPTY}"),
            Engine::Sqlite => {
                let bare = ["char(9)", "char(10)", "char(13)", "' '"]
                    .iter()
                    .fold(text, |text, space| format!("replace({text}, {space}, '')"));
                format!("{bare} = '[]'")
            }
        }
    }

    fn without_pages(&self) -> String {
        let [id, doc_id] = ["id", "doc_id"].map(|column| self.name(column));
        let (documents, vectors) = (self.table("documents"), self.table("vectors"));
        let condition = format!(
            "NOT EXISTS (SELECT 1 FROM {vectors} WHERE {vectors}.{doc_id} = {documents}.{id})"
        );
        let condition = self.and_document("id", condition);
        format!("SELECT {id} FROM {documents} WHERE {condition} ORDER BY {id}")
    }
}
