//! The current shape, read from the engine's catalog.
//!
//! The `read` of every engine returns the same: the location, the names of all tables, the names
//! that are taken, and every declared table that exists.

mod mysql;
mod others;
mod postgres;
mod questions;
mod sqlite;

pub(crate) use mysql::{Grants, SYSTEM_DATABASES};
pub(crate) use others::{Referrer, itself, referrers, referrers_to, users};
pub use others::{Relation, referrers_elsewhere, relations};
pub(crate) use postgres::{HAS_LZ4, manages_any, sequence_of};

use questions::{Question, Row, ask, firsts};
use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    Error,
    declare::{LONGEST_NAME, Shape},
    engine::Engine,
    model::{ForeignKey, Hidden, HiddenPart, Index, Location, Placement, Reach, Table},
    query::list,
    session::Settings,
};

/// The result of one inspection of the catalog: everything that is compared, except the rows.
#[derive(Clone, Debug)]
pub(crate) struct Inspection {
    pub(crate) backend: Engine,
    pub(crate) location: Location,
    /// Every table and view, except the migration table.
    pub(crate) tables: Vec<String>,
    /// Names that the engine refuses for another object.
    pub(crate) names: Vec<String>,
    /// The declared tables that exist, each under its declared name.
    pub(crate) found: Vec<Table>,
    /// Whether the migrations may create a required table here.
    pub(crate) may_create_required: bool,
    /// How a caller can have one created, for the next step of an error.
    pub(crate) creation_hint: &'static str,
    /// The compression methods of PostgreSQL.
    pub(crate) compression: Option<Compression>,
    /// Which sessions wait for a statement that changes a table's shape, apart from those that use
    /// the table.
    pub(crate) reach: Reach,
    /// MySQL and MariaDB: what the current user may do, if that has been asked and is known.
    pub(crate) grants: Option<Grants>,
}

/// The methods with which the server can compress long values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Compression {
    Lz4,
    /// The server was built without lz4.
    PglzAlone,
}

impl Inspection {
    /// Returns the inspection of an empty database.
    #[cfg(test)]
    pub(crate) fn empty(backend: Engine) -> Self {
        Self {
            backend,
            location: Location {
                database: "test".to_owned(),
                schema: None,
            },
            tables: Vec::new(),
            names: Vec::new(),
            found: Vec::new(),
            may_create_required: false,
            creation_hint: "",
            compression: None,
            reach: Reach::Server,
            grants: None,
        }
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.found.iter().find(|table| table.name == name)
    }

    /// Changes a found table, if there is one.
    pub(crate) fn edit(&mut self, name: &str, change: impl FnOnce(&mut Table)) {
        if let Some(table) = self.found.iter_mut().find(|table| table.name == name) {
            change(table);
        }
    }

    /// Returns the placement of the table that a declared one belongs to.
    pub(crate) fn parent_placement(&self, declared: &Table) -> &Placement {
        let parent = declared.parent_key().and_then(|key| self.table(&key.table));
        parent.map_or(&Placement::Local, |table| &table.placement)
    }

    /// Returns this name, or the first one with a number appended that no other object has.
    pub(crate) fn free_name(&self, wanted: &str) -> String {
        first_free(self.names.iter(), wanted)
    }

    /// Returns the same for an index. On MySQL the names of indexes belong to their table.
    pub(crate) fn free_index_name(&self, table: &str, wanted: &str) -> String {
        match (self.backend, self.table(table)) {
            (Engine::MySql, Some(table)) => {
                first_free(table.indexes.iter().map(|index| &index.name), wanted)
            }
            _ => self.free_name(wanted),
        }
    }
}

fn first_free<'n>(taken: impl Iterator<Item = &'n String> + Clone, wanted: &str) -> String {
    let is_taken = |name: &String| taken.clone().any(|one| one.eq_ignore_ascii_case(name));
    let numbered = (1_u32..).map(|number| numbered(wanted, number));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !is_taken(name))
        .unwrap_or_default()
}

/// Returns the name with a number appended. PostgreSQL would cut off a name that is too long.
fn numbered(wanted: &str, number: u32) -> String {
    let number = format!("_{number}");
    let room = LONGEST_NAME.saturating_sub(number.len());
    let fits = wanted
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8());
    let end = fits.take_while(|end| *end <= room).last().unwrap_or(0);
    format!("{}{number}", &wanted[..end])
}

/// Returns whether a name is the wanted one, or one that [`Inspection::free_name`] derives from it.
pub(crate) fn is_made_of(name: &str, wanted: &str) -> bool {
    let number = name.rsplit_once('_').map(|(_, number)| number.parse());
    name == wanted || matches!(number, Some(Ok(number)) if numbered(wanted, number) == name)
}

/// The contents of an engine's catalog.
struct Found {
    location: Location,
    tables: Vec<String>,
    names: Vec<String>,
    /// The declared tables that exist.
    declared: Vec<Table>,
    compression: Option<Compression>,
    reach: Reach,
}

/// Reads the current shape. This role has to see all of it except the sources of triggers, which
/// matter only for a column that is not declared.
pub(crate) async fn read(
    db: &impl ConnectionTrait,
    settings: &Settings,
    shape: &Shape,
) -> Result<Inspection, Error> {
    let inspection = read_what_is_shown(db, settings, shape).await?;
    for table in &inspection.found {
        let mut hidden = table.extras.hidden.iter();
        let is_needed = |one: &&Hidden| match one.what {
            HiddenPart::Rows | HiddenPart::ForeignKeys => true,
            HiddenPart::Triggers => false,
        };
        if let Some(hidden) = hidden.find(is_needed) {
            let reason = DbErr::Custom(hidden.reason.clone());
            return Err(Error::looking_for(format!("{:?}", table.name))(reason));
        }
    }
    Ok(inspection)
}

/// Reads what a plan for changes has to regard, or a report: what depends on the tables, and what
/// this user may do.
pub(crate) async fn read_dependents(
    db: &impl ConnectionTrait,
    shape: &Shape,
    inspection: &mut Inspection,
) -> Result<(), Error> {
    match inspection.backend {
        Engine::Postgres => postgres::read_dependents(db, shape, &mut inspection.found)
            .await
            .map_err(Error::looking_for("the tables in the catalog")),
        Engine::MySql => {
            inspection.grants = mysql::read_grants(db).await;
            Ok(())
        }
        // The tables are read together with their dependents.
        Engine::Sqlite => Ok(()),
    }
}

/// Reads the current shape, and notes in it what this role may not see.
pub(crate) async fn read_what_is_shown(
    db: &impl ConnectionTrait,
    settings: &Settings,
    shape: &Shape,
) -> Result<Inspection, Error> {
    let backend = Engine::of(db);
    let found = match backend {
        Engine::Postgres => postgres::read(db, shape, settings.lock_wait).await,
        Engine::MySql => mysql::read(db, shape).await,
        Engine::Sqlite => sqlite::read(db, shape).await,
    };
    let Found {
        location,
        mut tables,
        names,
        declared,
        compression,
        reach,
    } = found.map_err(Error::looking_for("the tables in the catalog"))?;
    let records = &settings.records;
    let names_of_tables = tables.iter().map(String::as_str);
    let case = case_of_tables(db, records, names_of_tables).await?;
    tables.retain(|name| !case.is_same(records, name));
    Ok(Inspection {
        backend,
        may_create_required: settings.create_required.allows(backend, &location),
        creation_hint: settings.creation_hint,
        location,
        tables,
        names,
        found: match backend {
            Engine::Postgres => declared,
            // The names arrive in lower case, because these engines ignore case.
            Engine::MySql | Engine::Sqlite => declared
                .into_iter()
                .map(|table| respelled(table, shape))
                .collect(),
        },
        compression,
        reach,
        grants: None,
    })
}

/// Returns the table with the names of its columns spelled as they are declared.
fn respelled(mut table: Table, shape: &Shape) -> Table {
    let spell = |table: &str, column: &mut String| {
        let mut tables = shape.inspected();
        let declared = tables.find(|one| one.name.eq_ignore_ascii_case(table));
        let mut columns = declared.into_iter().flat_map(|table| &table.columns);
        if let Some(declared) = columns.find(|one| one.name.eq_ignore_ascii_case(column)) {
            column.clone_from(&declared.name);
        }
    };
    let name = table.name.clone();
    let columns = table.columns.iter_mut().map(|column| &mut column.name);
    let indexed = table
        .indexes
        .iter_mut()
        .flat_map(|index| &mut index.columns);
    let keys = table.foreign_keys.iter_mut();
    let all = columns.chain(&mut table.primary_key).chain(indexed);
    all.for_each(|column| spell(&name, column));
    for key in keys {
        key.columns
            .iter_mut()
            .for_each(|column| spell(&name, column));
        let parent = key.table.clone();
        key.references
            .iter_mut()
            .for_each(|column| spell(&parent, column));
    }
    table
}

/// Returns the database, and on PostgreSQL the schema, in which this connection works.
///
/// # Errors
///
/// [`Error::Lookup`] if the catalog cannot be read.
pub async fn location(db: &impl ConnectionTrait) -> Result<Location, Error> {
    let rows = answer(db, [postgres::location, mysql::location, sqlite::location]).await;
    let location = rows.and_then(|rows| read_location(&rows));
    location.map_err(Error::looking_for("the current database"))
}

/// Reads the location. PostgreSQL returns a second column.
fn read_location(rows: &[Row]) -> Result<Location, DbErr> {
    let none = || DbErr::Custom("the connection has chosen no database".to_owned());
    let row = rows.first().ok_or_else(none)?;
    let database: Option<String> = row.get(0)?;
    Ok(Location {
        database: database.ok_or_else(none)?,
        schema: row.get(1)?,
    })
}

/// Returns the names of the tables in that location, in order.
///
/// # Errors
///
/// [`Error::Lookup`] if the catalog cannot be read.
pub async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, Error> {
    let rows = answer(db, [postgres::tables, mysql::tables, sqlite::tables]).await;
    let tables = rows.and_then(|rows| firsts(&rows));
    tables.map_err(Error::looking_for("the tables"))
}

/// Asks only this engine's question.
async fn answer(
    db: &impl ConnectionTrait,
    [postgres, mysql, sqlite]: [fn() -> Question; 3],
) -> Result<Vec<Row>, DbErr> {
    let question = match Engine::of(db) {
        Engine::Postgres => postgres(),
        Engine::MySql => mysql(),
        Engine::Sqlite => sqlite(),
    };
    let [rows] = ask(db, &[question]).await?.next();
    Ok(rows)
}

/// Whether names of tables that differ only in case belong to different tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They belong to different tables.
    Told,
    /// They belong to the same table.
    Ignored,
}

impl Case {
    /// Returns whether both are names of the same table.
    pub fn is_same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Ignored => one.eq_ignore_ascii_case(other),
            Self::Told => one == other,
        }
    }
}

/// Returns how the engine compares this name with those of these tables.
///
/// # Errors
///
/// [`Error::Lookup`] if the server does not report it.
pub async fn case_of_tables<'t>(
    db: &impl ConnectionTrait,
    name: &str,
    mut tables: impl Iterator<Item = &'t str>,
) -> Result<Case, Error> {
    let differs_in_case = |table: &str| table != name && table.eq_ignore_ascii_case(name);
    match Engine::of(db) {
        Engine::Sqlite => return Ok(Case::Ignored),
        // Without similar names the answer does not matter.
        Engine::MySql if tables.any(differs_in_case) => {}
        _ => return Ok(Case::Told),
    }
    let setting = "SELECT CAST(@@lower_case_table_names AS SIGNED)";
    let setting: Result<Vec<i64>, _> = list(db, setting, []).await;
    let setting = setting.map_err(Error::looking_for(
        "how the server compares names of tables",
    ))?;
    Ok(match setting.as_slice() {
        [0] => Case::Told,
        _ => Case::Ignored,
    })
}

/// An object that is listed with one row for each of its columns, in order; the rows are joined
/// into one.
trait Composite {
    fn is_part_of(&self, other: &Self) -> bool;
    fn append(&mut self, part: Self);
}

impl Composite for Index {
    fn is_part_of(&self, other: &Self) -> bool {
        self.name == other.name
    }

    fn append(&mut self, part: Self) {
        self.columns.extend(part.columns);
        self.expressions.extend(part.expressions);
    }
}

impl Composite for (String, Referrer) {
    fn is_part_of(&self, other: &Self) -> bool {
        self.0 == other.0 && self.1.table == other.1.table
    }

    fn append(&mut self, (_, part): Self) {
        self.1.columns.extend(part.columns);
        self.1.references.extend(part.references);
    }
}

impl Composite for ForeignKey {
    fn is_part_of(&self, other: &Self) -> bool {
        self.name == other.name
    }

    fn append(&mut self, part: Self) {
        self.columns.extend(part.columns);
        self.references.extend(part.references);
    }
}

fn gather<T: Composite>(rows: Vec<T>) -> Vec<T> {
    let mut whole: Vec<T> = Vec::new();
    for row in rows {
        match whole.last_mut().filter(|last| row.is_part_of(last)) {
            Some(last) => last.append(row),
            None => whole.push(row),
        }
    }
    whole
}

/// Reads a foreign key with one of its columns. MySQL and SQLite report nothing more about it.
fn read_foreign_key(row: &Row) -> Result<ForeignKey, DbErr> {
    Ok(ForeignKey {
        name: row.get(0)?,
        columns: vec![row.get(1)?],
        table: row.get(2)?,
        references: vec![row.get(3)?],
        on_delete: row.get(4)?,
        on_update: row.get(5)?,
        timing: String::new(),
        comment: None,
        validated: None,
        enforced: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_number_fits_and_is_known_again() {
        let long = "é".repeat(31);
        for wanted in ["ix", "ix_2", "", &long, &"x".repeat(63)] {
            for number in [1, 10, 1_000] {
                let name = numbered(wanted, number);

                assert!(name.len() <= LONGEST_NAME, "{name}");
                assert!(is_made_of(&name, wanted), "{name} of {wanted}");
            }
        }
        for (name, wanted) in [
            ("ix_01", "ix"),
            ("ix_1a", "ix"),
            ("ixx_1", "ix"),
            ("ix_", "ix"),
        ] {
            assert!(!is_made_of(name, wanted), "{name} of {wanted}");
        }
    }
}
