//! What is there, read from the engine's catalog.
//!
//! Every engine tells the same in its `read`: where this is, which tables are here, which names are taken, and what
//! `documents` and `vectors` are.

mod mysql;
mod others;
mod postgres;
mod questions;
mod sqlite;

pub(crate) use others::{
    Referrer, Relation, alembic, referrers, referrers_elsewhere, referrers_to_vectors, relations,
    vectors_itself,
};
#[cfg(feature = "cli")]
pub(crate) use postgres::HAS_LZ4;

use std::fmt;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TryGetable, Value};

use super::difference::primary_key;
use crate::{Error, session::Settings};

/// Where the tables are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The database's name; of SQLite its file.
    pub database: String,
    /// PostgreSQL: the schema in which new tables are made.
    pub schema: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {:?}", self.database)?;
        match &self.schema {
            Some(schema) => write!(f, ", schema {schema:?}"),
            None => Ok(()),
        }
    }
}

/// All that the differences are found from, but for the rows.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) backend: DbBackend,
    pub(crate) place: Place,
    /// Every table and view there, but for the migrator's own.
    pub(crate) tables: Vec<String>,
    /// Names that the engine takes for no other object of the table.
    pub(crate) names: Vec<String>,
    pub(crate) documents: Option<Table>,
    pub(crate) vectors: Option<Table>,
    /// Whether the migrations may make a `documents` here.
    pub(crate) may_create_documents: bool,
    /// PostgreSQL only.
    pub(crate) compression: Option<Compression>,
    /// Who waits for a statement that changes a table's shape, apart from the table's own users.
    pub(crate) reach: Reach,
}

/// What the server can compress long values with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Lz4,
    /// It was built without the other.
    PglzAlone,
}

impl Live {
    /// The columns of the declared primary key.
    pub(crate) fn primary_key(&self) -> &'static [&'static str] {
        primary_key(self.documents_placement())
    }

    pub(crate) fn documents_placement(&self) -> &Placement {
        self.documents
            .as_ref()
            .map_or(&Placement::Local, |table| &table.placement)
    }

    /// This name, or the first with a number behind it that nothing else has.
    pub(crate) fn free_name(&self, wanted: &str) -> String {
        first_free(self.names.iter(), wanted)
    }

    /// The same for an index. MySQL's names of indexes are each table's own.
    pub(crate) fn free_index_name(&self, wanted: &str) -> String {
        match (self.backend, &self.vectors) {
            (DbBackend::MySql, Some(table)) => {
                first_free(table.indexes.iter().map(|index| &index.name), wanted)
            }
            _ => self.free_name(wanted),
        }
    }
}

fn first_free<'n>(taken: impl Iterator<Item = &'n String> + Clone, wanted: &str) -> String {
    let is_taken = |name: &String| taken.clone().any(|one| one.eq_ignore_ascii_case(name));
    let numbered = (1_u32..).map(|number| format!("{wanted}_{number}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !is_taken(name))
        .unwrap_or_default()
}

/// Whether [`Live::free_name`] may have made this name of the wanted one.
pub(crate) fn is_made_of(name: &str, wanted: &str) -> bool {
    match name.strip_prefix(wanted) {
        Some("") => true,
        Some(rest) => rest.strip_prefix('_').is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|one| one.is_ascii_digit())
        }),
        None => false,
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) kind: Kind,
    /// PostgreSQL: the schema that it is in.
    pub(crate) schema: Option<String>,
    pub(crate) placement: Placement,
    pub(crate) columns: Vec<Column>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// PostgreSQL only.
    pub(crate) checks: Vec<Check>,
    /// PostgreSQL: the sequence that has the name of `id`'s own and serves nobody.
    pub(crate) spare_sequence: Option<Sequence>,
    /// What else hangs on the table, a sentence each.
    pub(crate) kept: Vec<String>,
    /// PostgreSQL: what reads a column and keeps it from changing its type, with the column.
    pub(crate) readers: Vec<(String, String)>,
    /// PostgreSQL: the columns for which every row is read again when their type changes.
    pub(crate) rereads: Vec<String>,
    /// MySQL and MariaDB: what makes the server copy the table where it need not otherwise.
    pub(crate) copies: Vec<Copies>,
    /// PostgreSQL: the rules that do something else instead.
    pub(crate) instead_rules: Vec<String>,
    /// SQLite: the statements that made the table, its indexes, its triggers and its statistics, in
    /// this order.
    pub(crate) statements: Vec<String>,
}

impl Table {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            schema: None,
            placement: Placement::Local,
            columns: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            spare_sequence: None,
            kept: Vec::new(),
            readers: Vec::new(),
            rereads: Vec::new(),
            copies: Vec::new(),
            instead_rules: Vec::new(),
            statements: Vec::new(),
        }
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a foreign key may refer to this column alone.
    pub(crate) fn is_key(&self, column: &str) -> bool {
        let serves = |index: &Index| index.is_key && index.columns == [column];
        self.indexes.iter().any(serves)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    /// A table of a MySQL storage engine that reads foreign keys and forgets them.
    TableOfEngine(String),
    /// PostgreSQL: a table that a crash of the server empties.
    Unlogged,
    /// A table that others can refer to, but whose own shape is not ours to change; what it is.
    ReferredTo(&'static str),
    /// PostgreSQL: a table that others inherit from. A foreign key refers to its own rows only.
    InheritedFrom,
    /// Anything else that carries the name; what it is.
    Other(String),
}

/// The changes for which a MySQL or MariaDB server copies a table, because of what else the table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copies {
    /// A unique index over values of any length, which MariaDB keeps as a hidden column.
    EveryChange,
    /// A column that is stored or indexed and generated, or an index of words or places.
    Rebuild,
    /// A stored column that is generated from `doc_id`.
    ForeignKey,
}

/// Who waits for a statement that changes a table's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Server,
    /// Every writer of a Galera cluster, whichever table it writes to: the nodes run such a statement at the
    /// same place among all others (`wsrep_OSU_method = TOI`).
    Cluster,
}

/// Where the rows are; every table is local but on Citus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    Local,
    /// Local, and known to the other nodes: only these refer to reference tables, and are referred to by them.
    Managed,
    /// Whole, on every node.
    Reference,
    /// Among the nodes, by a column's value; equal values of colocated tables are on one node.
    Distributed {
        column: String,
        colocation: i64,
    },
    /// Whole, on one node.
    SingleShard {
        colocation: i64,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as the engine prints it.
    pub(crate) declared: String,
    pub(crate) kind: ColumnKind,
    pub(crate) nullable: bool,
    pub(crate) default: Option<String>,
    pub(crate) filled: Filled,
    /// What a change of the column has to say again, or it is forgotten.
    pub(crate) attributes: Attributes,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// Empty where it is the type's own.
    pub(crate) collation: String,
    pub(crate) comment: String,
    /// PostgreSQL: what the column's storage is set to.
    pub(crate) storage: Vec<String>,
    /// What a change of the column would forget.
    pub(crate) unsaid: Option<String>,
    /// PostgreSQL: the NOT NULL constraint that has not been validated.
    pub(crate) not_validated: Option<String>,
    /// MariaDB: the check that stands in the column's own definition.
    pub(crate) check: Option<String>,
}

/// Who gives the column its value where an INSERT does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// Its default, if it has one.
    ByDefault,
    /// The next number. PostgreSQL: of the named sequence.
    AutoIncrement { sequence: Option<Sequence> },
    /// An expression; it takes no other value.
    Generated,
}

/// PostgreSQL: what gives the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// As the server prints it, quoted where it has to be.
    pub(crate) name: String,
    pub(crate) owner: Owner,
}

/// Whose a sequence is. Only the column's own may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    TheColumn,
    /// Others draw from it too, whichever column owns it; who, as a list.
    Shared(String),
    /// Another column, or none.
    NotTheColumn,
}

/// What of a column's type matters to the entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Integer {
        bits: u8,
        signed: bool,
    },
    /// Text of any length.
    Text,
    /// Text that ends somewhere, or in an encoding that cannot say everything.
    NarrowText,
    Json,
    /// PostgreSQL's word for an integer, which SQLite takes for the name of a type and forgets.
    Serial,
    Other,
}

impl ColumnKind {
    pub(crate) const INTEGER: Self = Self::Integer {
        bits: 32,
        signed: true,
    };
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    pub(crate) name: String,
    /// Empty names stand for expressions and prefixes.
    pub(crate) columns: Vec<String>,
    /// Unique over every row, so that a foreign key may refer to its columns.
    pub(crate) is_key: bool,
    /// PostgreSQL: a constraint stands on it.
    pub(crate) has_constraint: bool,
    pub(crate) is_unique: bool,
    /// Built to its end, over every row, able to find equal values, and used for it.
    pub(crate) is_whole: bool,
    /// Of the default kind, over its columns alone and every row.
    pub(crate) is_plain: bool,
    pub(crate) unused: Option<Unused>,
}

/// Why the server uses an index for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unused {
    /// MySQL and MariaDB: somebody has hidden it from the optimizer; the words that show it again.
    Hidden(&'static str),
    /// PostgreSQL: its build did not finish.
    Invalid,
}

impl Index {
    /// Whether it finds the rows of one document.
    pub(crate) fn leads_with(&self, column: &str) -> bool {
        self.is_whole && self.columns.first().is_some_and(|first| first == column)
    }

    /// Whether it would be exactly what is declared over these columns, and is of no use to anybody.
    pub(crate) fn is_unused_one_of(&self, columns: &[&str]) -> bool {
        self.unused.is_some() && self.is_plain && !self.has_constraint && self.columns == columns
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) validated: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ForeignKey {
    /// SQLite's may have none.
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) table: String,
    pub(crate) references: Vec<String>,
    /// Upper case, as in SQL.
    pub(crate) on_delete: String,
    pub(crate) on_update: String,
    /// What else a replacement has to say again.
    pub(crate) timing: String,
    pub(crate) comment: Option<String>,
    /// Whether the engine vouches for the rows: `Some` where it knows.
    pub(crate) validated: Option<bool>,
    /// Whether the engine acts on it.
    pub(crate) enforced: bool,
}

/// What an engine's catalog tells.
struct Found {
    place: Place,
    tables: Vec<String>,
    names: Vec<String>,
    documents: Option<Table>,
    vectors: Option<Table>,
    compression: Option<Compression>,
    reach: Reach,
}

pub(crate) async fn read(db: &impl ConnectionTrait, settings: &Settings) -> Result<Live, Error> {
    let backend = db.get_database_backend();
    let found = match backend {
        DbBackend::Postgres => postgres::read(db).await,
        DbBackend::MySql => mysql::read(db).await,
        DbBackend::Sqlite => sqlite::read(db).await,
        other => Err(unsupported(other)),
    };
    let Found {
        place,
        mut tables,
        names,
        documents,
        vectors,
        compression,
        reach,
    } = found.map_err(Error::looking_for("the tables in the catalog"))?;
    let case = case_of_tables(
        db,
        settings.records.name(),
        tables.iter().map(String::as_str),
    )
    .await?;
    tables.retain(|name| !settings.records.is_called(case, name));
    Ok(Live {
        backend,
        may_create_documents: settings.create_documents.allows(backend, &place),
        place,
        tables,
        names,
        documents,
        vectors,
        compression,
        reach,
    })
}

/// The database, and on PostgreSQL the schema, that this connection works in.
pub(crate) async fn place(db: &impl ConnectionTrait) -> Result<Place, Error> {
    let place = match db.get_database_backend() {
        DbBackend::Postgres => postgres::place(db).await,
        DbBackend::MySql => mysql::place(db).await,
        DbBackend::Sqlite => sqlite::place(db).await,
        other => Err(unsupported(other)),
    };
    place.map_err(Error::looking_for("the current database"))
}

/// The names of the tables in that place, in order.
pub(crate) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, Error> {
    let tables = match db.get_database_backend() {
        DbBackend::Postgres => postgres::tables(db).await,
        DbBackend::MySql => mysql::tables(db).await,
        DbBackend::Sqlite => sqlite::tables(db).await,
        other => Err(unsupported(other)),
    };
    tables.map_err(Error::looking_for("the tables"))
}

/// Whether names of tables that differ in the case of their letters are those of different tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Told,
    Ignored,
}

/// How the engine compares this name with those of these tables.
pub(crate) async fn case_of_tables<'t>(
    db: &impl ConnectionTrait,
    name: &str,
    mut tables: impl Iterator<Item = &'t str>,
) -> Result<Case, Error> {
    let differs_in_case = |table: &str| table != name && table.eq_ignore_ascii_case(name);
    match db.get_database_backend() {
        DbBackend::Sqlite => return Ok(Case::Ignored),
        // Where none is alike, it says nothing.
        DbBackend::MySql if tables.any(differs_in_case) => {}
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

fn unsupported(backend: DbBackend) -> DbErr {
    DbErr::BackendNotSupported {
        db: backend.as_str(),
        ctx: "the ColPali vectors migration",
    }
}

pub(crate) async fn rows<T>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
    read: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<Vec<T>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    rows.iter().map(read).collect()
}

/// The first column of each row.
pub(crate) async fn list<T: TryGetable>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<T>, DbErr> {
    rows(db, sql, values, |row| row.try_get_by_index(0)).await
}

/// What is listed with a row for each of its columns, in order, and becomes one.
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
